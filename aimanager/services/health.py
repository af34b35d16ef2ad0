"""Whether the server can do its work: one word for each part."""

from __future__ import annotations

import shutil
import threading
import time
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from flask import Flask, current_app

from ..db import schema
from ..extensions import database, live_bus, settings

KEPT = 1.0  # Seconds: a load balancer that asks often must not be a load itself.
LEAST_FREE = 0.05  # Of the disk.


_one_looks = threading.Lock()
_looked: WeakKeyDictionary[Flask, tuple[float, dict[str, str]]] = WeakKeyDictionary()


def checks() -> dict[str, str]:
    """`{"database": "ok", ...}`; anything but `ok` means that requests are better sent elsewhere."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with _one_looks:
        at, found = _looked.get(app, (0.0, {}))
        if not found or time.monotonic() - at > KEPT:
            found = _look()
            _looked[app] = time.monotonic(), found
        return found


def _look() -> dict[str, str]:
    found = {"database": "ok", "schema": "ok", "disk": "ok", "bus": "ok"}
    try:
        with database.writing() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = version_num"))
        with database.reading() as connection:
            found["schema"] = "ok" if schema.is_current(connection) else "old"
    except sa.exc.SQLAlchemyError:
        found["database"], found["schema"] = "down", "unknown"
    usage = shutil.disk_usage(settings.data_dir)
    if usage.free < usage.total * LEAST_FREE:
        found["disk"] = "full"
    if not live_bus.healthy:
        found["bus"] = "down"
    return found
