"""What a run's script says of it bit by bit: parts of its config, tags, values of its summary, where it runs, how it ended.

Each is merged by key into what is stored, so that no script has to know the rest, and several may write into one run.
"""

from __future__ import annotations

from typing import Any

from ..errors import Invalid
from ..models import Run
from . import validation

MERGED = frozenset({"config_update", "add_tags", "remove_tags", "summary", "environment", "exit"})
MOST_VALUES = 1000  # Of a summary.
LONGEST_VALUE = 1000  # Characters of a text in it.
LONGEST_ERROR = 65536  # Characters of a traceback.


def merge(run: Run, changes: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """The fields of a run that follow from `facts`, whose names are those of MERGED. They are merged into what `changes` of
    the same request puts in the place of what is stored. Raises Invalid."""
    merged: dict[str, Any] = {}
    if "config_update" in facts:
        merged["config"] = validation.check_config(changes.get("config", run.config) | facts["config_update"])
    if "add_tags" in facts or "remove_tags" in facts:
        removed = set(facts.get("remove_tags", ()))
        kept = [tag for tag in changes.get("tags", run.tags) if tag not in removed]
        merged["tags"] = list(dict.fromkeys([*kept, *facts.get("add_tags", ())]))
        validation.check_tags(merged["tags"])
    if "summary" in facts:
        merged["summary"] = _summary(run.summary | _checked_values(facts["summary"]))
    if "environment" in facts:
        merged["environment"] = validation.check_json("environment", (run.environment or {}) | facts["environment"])
    if "exit" in facts:
        merged["exit"] = facts["exit"] and _checked_exit(facts["exit"])
    return merged


def _checked_values(values: dict[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        validation.check_metric(name)
        if isinstance(value, str) and len(value) > LONGEST_VALUE:
            raise Invalid.field(
                "summary", f"the text of {name!r} must have at most {LONGEST_VALUE} characters", "length"
            )
    return validation.check_json("summary", values)


def _summary(values: dict[str, Any]) -> dict[str, Any]:
    """null takes a value away."""
    kept = {name: value for name, value in values.items() if value is not None}
    if len(kept) > MOST_VALUES:
        raise Invalid.field("summary", f"summary must have at most {MOST_VALUES} values", "length")
    return kept


def _checked_exit(end: dict[str, Any]) -> dict[str, Any]:
    error = end.get("error")
    if error is not None and len(error) > LONGEST_ERROR:
        raise Invalid.field("exit", f"error must have at most {LONGEST_ERROR} characters", "length")
    return validation.check_json("exit", {name: value for name, value in end.items() if value is not None})
