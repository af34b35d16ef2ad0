"""Warnings that tell once and never flood a training log."""

from __future__ import annotations

import logging
import time

log = logging.getLogger("ai_manager")

MOST_KEYS = 200  # A script that invents a new bad metric name each step must not fill memory or the screen.
PAUSE = 60.0  # Seconds between two warnings about one passing cause.


class Notices:
    """Says a thing once for each key, or once in a while for causes that come and go."""

    def __init__(self) -> None:
        self._said: dict[object, float] = {}

    def once(self, key: object, message: str, *values: object) -> None:
        """Warn unless this key was warned about before."""
        if key in self._said or len(self._said) >= MOST_KEYS:
            return
        self._said[key] = time.monotonic()
        log.warning("AI Manager: " + message, *values)

    def again(self, key: object, message: str, *values: object) -> None:
        """Warn unless this key was warned about in the last minutes."""
        now = time.monotonic()
        if now - self._said.get(key, float("-inf")) < PAUSE:
            return
        self._said[key] = now
        log.warning("AI Manager: " + message, *values)
