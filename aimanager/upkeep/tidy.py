"""The thread that looks after the metric store: empties the trash, removes what was deleted, then seals and merges what is due."""

from __future__ import annotations

import logging
import threading
import time

from flask import Flask
from sqlalchemy.exc import OperationalError

from ..services import projects, trash
from ..store import MetricStore

EVERY = 10.0  # Seconds; a run that is due calls earlier.
log = logging.getLogger(__name__)


def start(app: Flask, store: MetricStore) -> None:
    """Start it; it ends when the store is closed. Any process ends what another one began."""
    threading.Thread(target=_look_after, args=(app, store), name="store-tidy", daemon=True).start()


def _look_after(app: Flask, store: MetricStore) -> None:
    while not store.closed:
        try:
            with app.app_context():
                trash.empty()
                projects.sweep()
            store.tidy(wait=EVERY)
        except Exception as error:
            if not store.closed:
                _report(error)
                time.sleep(EVERY)


def _report(error: Exception) -> None:
    if isinstance(error, OperationalError):  # Away, full, or held by somebody: the same line every time.
        log.warning("the metric store could not be tidied, it is tried again: %s", error.orig)
    else:
        log.error("the metric store could not be tidied; it is tried again", exc_info=error)
