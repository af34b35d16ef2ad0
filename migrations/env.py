"""Alembic, run by the server at start on a connection that it hands over."""

from alembic import context

from aimanager import models  # noqa: F401
from aimanager.models import Base
from aimanager.store import tables  # noqa: F401

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Migrations are run by the server at start, or by `aimanager migrate`.")

context.configure(connection=connection, target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
