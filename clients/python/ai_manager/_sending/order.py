"""What has to be sent before a run goes on, is forked or is rewound: all that was logged to it before, by whichever process."""

from __future__ import annotations

from typing import Any

from ai_manager._sending.delivery import Delivery
from ai_manager._sending.leftovers import Leftovers
from ai_manager._spool.cursor import Cursor
from ai_manager._spool.folder import Folder

Name = tuple[Any, ...]


def is_first(mine: Delivery, deliveries: list[Delivery], leftovers: Leftovers) -> bool:
    """Whether nothing of the run is left to send that is older; what processes that have ended left of it is queued.

    Who still logs to the run is not waited for.
    """
    fork = None if mine.run_id else mine.facts.get("fork")
    if fork and mine.parent and not mine.parent.has_passed(tuple(fork["place"])):
        return False
    wanted = _names({**mine.facts, **fork}, fork["run_id"]) if fork else _names(mine.facts, mine.run_id)

    def is_before(facts: dict[str, Any], run_id: int | None) -> bool:
        return facts["created"] <= mine.facts["created"] and bool(wanted & _names(facts, run_id))

    def is_left(folder: Folder) -> bool:
        facts = folder.facts
        is_mine = mine.folder is not None and folder.path == mine.folder.path
        if is_mine or facts.get("mode") != "online" or facts.get("server") != mine.facts["server"]:
            return False
        cursor = Cursor.load(folder.path)
        try:
            return not cursor.stopped and is_before(facts, cursor.run_id)
        except (KeyError, TypeError, AttributeError):
            return False  # Another process's files may be anything.

    others = [other for other in deliveries if other is not mine and (other.closed or not other.is_live)]
    return not any(is_before(other.facts, other.run_id) for other in others) and not leftovers.have(is_left)


def _names(facts: dict[str, Any], run_id: int | None) -> set[Name]:
    """By what a run is known: its number, what made it, and the name that its user gave it to go on by."""
    names: set[Name] = {("made by", facts["key"])}
    names |= {("number", number) for number in (run_id, facts.get("run_id"), facts.get("continues")) if number}
    if named := facts["run"].get("key"):
        names.add(("named", facts["project"], named))
    return names
