"""How damaged points are reported: a sentence in the answer, and in the log once for each place."""

from __future__ import annotations

import logging

from ..store import DamagedPoints

log = logging.getLogger(__name__)

_MOST = 10_000
_logged: set[tuple[int, int, int]] = set()


def describe_damage(damage: DamagedPoints) -> str:
    """The sentence, without what only the log should say."""
    place = damage.run, damage.metric, damage.axis
    if place not in _logged and len(_logged) < _MOST:
        _logged.add(place)
        log.error("points cannot be read, `aimanager doctor` says more: %s", damage)
    of = "Points" if damage.name is None else f"The points of metric {damage.name!r}"
    return f"{of} of run {damage.run} are damaged and cannot be read; `aimanager doctor` says which"
