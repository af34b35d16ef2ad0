"""The rows: users and their credentials, projects, runs."""

from .base import Base
from .credentials import ApiKey, RevokedToken, Ticket
from .project import Project
from .run import Run
from .run_config import RunConfig
from .user import User

__all__ = ["ApiKey", "Base", "Project", "RevokedToken", "Run", "RunConfig", "Ticket", "User"]
