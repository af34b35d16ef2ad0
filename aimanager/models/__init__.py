"""The rows: users and their credentials, projects and their views, runs, their marks and alerts."""

from .base import Base
from .credentials import ApiKey, RevokedToken, Ticket
from .metric_definition import MetricDefinition
from .project import Project
from .run import Run
from .run_alert import RunAlert
from .run_config import RunConfig
from .run_mark import RunMark
from .run_tag import RunTag
from .session import Session
from .user import User
from .view import View

__all__ = [
    "ApiKey",
    "Base",
    "MetricDefinition",
    "Project",
    "RevokedToken",
    "Run",
    "RunAlert",
    "RunConfig",
    "RunMark",
    "RunTag",
    "Session",
    "Ticket",
    "User",
    "View",
]
