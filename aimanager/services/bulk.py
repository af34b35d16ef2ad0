"""One change to one or many runs, all of them or none: archive, delete, tag, rename, colour, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..db.matching import one_of
from ..errors import Forbidden, Invalid, NotFound
from ..extensions import live_bus, writing
from ..models import Project, Run, RunTag
from ..models.base import now
from ..models.run import COLOURS, keys_of
from ..principal import Principal
from . import projects, validation

MOST = 10_000  # Runs at once.
_runs, _projects = Run.__table__.c, Project.__table__.c
_NAMED = 5  # Runs that a refusal names.


@dataclass(frozen=True)
class Undo:
    """The action that takes another one back, for the runs that it has changed."""

    action: str
    run_ids: Sequence[int]
    value: str = ""


@dataclass(frozen=True)
class Done:
    """What was done in words, how to take it back, and the projects of the runs. Without a change there is nothing to undo."""

    text: str
    undo: Undo | None
    project_ids: Sequence[int]


@dataclass(frozen=True)
class _Change:
    """What the action does to single runs, by id, and how to take it back."""

    values: dict[int, dict[str, Any]]
    done: str
    undo: str
    undo_value: str = ""


def act(principal: Principal, action: str, run_ids: Sequence[int], value: str = "") -> Done:
    """Change all of these runs. Raises NotFound and Forbidden, which name the runs, and Invalid; then nothing is changed."""
    make = ACTIONS.get(action)
    if make is None:
        raise Invalid.field("action", f"action must be one of {', '.join(ACTIONS)}")
    run_ids = list(dict.fromkeys(run_ids))
    if not 1 <= len(run_ids) <= MOST:
        raise Invalid.field("ids", f"ids must be 1 to {MOST} runs")
    with writing() as session:
        runs = _allowed(principal, run_ids, session.connection())
        change = make(runs, value)
        _write(session.connection(), change.values)
        _write_tags(session.connection(), runs, change.values)
    changed = [run for run in runs if run.id in change.values]
    for run in changed:
        live_bus.publish(f"run-facts:{run.id}")
    for project_id in {run.project_id for run in changed}:
        live_bus.publish(f"project:{project_id}")
    undo = Undo(change.undo, [run.id for run in changed], change.undo_value) if changed else None
    return Done(f"{_named(runs)} {change.done}", undo, sorted({run.project_id for run in runs}))


def _allowed(principal: Principal, run_ids: Sequence[int], connection: sa.Connection) -> Sequence[Any]:
    """Rows of the runs in the order of their ids as given, if the caller may change all of them."""
    columns = (_runs.id, _runs.project_id, _runs.name, _runs.tags, _runs.colour, _runs.archived_at, _runs.trashed_at,
               _runs.started_at, _runs.end_received_at, _projects.owner_id, _projects.is_public)  # fmt: skip
    query = sa.select(*columns).join_from(Run.__table__, Project.__table__, _projects.id == _runs.project_id)
    query = query.where(one_of(connection, _runs.id, run_ids), _projects.deleted_at.is_(None))
    # Nobody changes them meanwhile, and two such actions never wait for each other.
    query = query.order_by(_runs.id).with_for_update(of=Run.__table__)
    row_of = {row.id: row for row in connection.execute(query)}
    if absent := [run_id for run_id in run_ids if run_id not in row_of]:
        raise NotFound(f"Resource not found: {_listed(absent)}. Nothing was changed")
    refused = [run_id for run_id in run_ids if not _may_write(principal, row_of[run_id])]
    if refused:
        raise Forbidden(f"Not enough permissions for {_listed(refused)}. Nothing was changed")
    return [row_of[run_id] for run_id in run_ids]


def _may_write(principal: Principal, run: Any) -> bool:
    try:
        projects.check(principal, run.owner_id, run.is_public, "write")
    except Forbidden:
        return False
    return True


def _write(connection: sa.Connection, values: dict[int, dict[str, Any]]) -> None:
    """One statement, whether all runs get the same or each its own; they change the same columns."""
    if not values:
        return
    changes = list(values.values())
    query = sa.update(Run)
    if all(change == changes[0] for change in changes):
        connection.execute(query.where(one_of(connection, _runs.id, values)).values(changes[0]))
    else:
        query = query.where(_runs.id == sa.bindparam("run_id"))
        connection.execute(query, [{"run_id": run_id, **change} for run_id, change in values.items()])


def _write_tags(connection: sa.Connection, runs: Sequence[Any], values: dict[int, dict[str, Any]]) -> None:
    """The rows by which runs are found by their tags, which a run that is changed by itself writes with it."""
    tags = {run_id: change["tags"] for run_id, change in values.items() if "tags" in change}
    if not tags:
        return
    connection.execute(sa.delete(RunTag).where(one_of(connection, RunTag.__table__.c.run_id, tags)))
    rows = [
        {"run_id": run.id, "tag": tag, "project_id": run.project_id}
        for run in runs if run.id in tags for tag in dict.fromkeys(tags[run.id])
    ]  # fmt: skip
    if rows:
        connection.execute(sa.insert(RunTag), rows)


def _stamp(column: str, is_set: bool, done: str, undo: str) -> Callable[[Sequence[Any], str], _Change]:
    """Set or clear a time where it is not so already."""

    def make(runs: Sequence[Any], _value: str) -> _Change:
        moment = now() if is_set else None
        concerned = [run for run in runs if (getattr(run, column) is not None) != is_set]
        return _Change({run.id: {column: moment} for run in concerned}, done, undo)

    return make


def _tag(runs: Sequence[Any], value: str) -> _Change:
    named = _read_tags(value, runs)
    for tag in named[0]:
        validation.check_name("tag", tag, validation.LONGEST_TAG)
    added = {run.id: [tag for tag in of_run if tag not in run.tags] for run, of_run in zip(runs, named, strict=True)}
    tags = {run.id: [*run.tags, *added[run.id]] for run in runs if added[run.id]}
    for of_run in tags.values():
        validation.check_tags(of_run)
    return _Change(_with_keys(runs, tags), f"tagged {', '.join(named[0])}", "untag", _write_down(added))


def _untag(runs: Sequence[Any], value: str) -> _Change:
    named = _read_tags(value, runs)
    removed = {run.id: [tag for tag in run.tags if tag in of_run] for run, of_run in zip(runs, named, strict=True)}
    tags = {run.id: [tag for tag in run.tags if tag not in removed[run.id]] for run in runs if removed[run.id]}
    return _Change(_with_keys(runs, tags), f"no longer tagged {', '.join(named[0])}", "tag", _write_down(removed))


def _read_tags(value: str, runs: Sequence[Any]) -> list[list[str]]:
    """The tags for each of these runs: the same ones with commas between, or as `_write_down` has written them."""
    try:
        lists = json.loads(value) if value.startswith("[[") else None
    except ValueError:
        lists = None
    if lists and all(isinstance(of_run, list) and all(isinstance(tag, str) for tag in of_run) for of_run in lists):
        return list(lists) if len(lists) == len(runs) else [lists[0]] * len(runs)
    tags = [tag for part in value.split(",") if (tag := part.strip())]
    if not tags:
        raise Invalid.field("value", "a tag must not be all blank", "length")
    return [list(dict.fromkeys(tags))] * len(runs)


def _write_down(tags: dict[int, list[str]]) -> str:
    """Tags of runs for an undo: once where they are the same for all. In JSON, as a tag may have a comma in it."""
    lists = [of_run for of_run in tags.values() if of_run]
    return json.dumps(lists[:1] if all(one == lists[0] for one in lists) else lists, ensure_ascii=False)


def _with_keys(runs: Iterable[Any], tags: dict[int, list[str]]) -> dict[int, dict[str, Any]]:
    """The columns that follow from the tags with them."""
    return {
        run.id: {"tags": tags[run.id]} | keys_of(run.name, tags[run.id], run.started_at, run.end_received_at)
        for run in runs if run.id in tags
    }  # fmt: skip


def _rename(runs: Sequence[Any], name: str) -> _Change:
    if len(runs) > 1:
        raise Invalid.field("ids", "one run at a time can be renamed")
    validation.check_name("name", name)
    (run,) = runs
    if name == run.name:
        return _Change({}, f"is called {name}", "rename")
    values = {"name": name} | keys_of(name, run.tags, run.started_at, run.end_received_at)
    return _Change({run.id: values}, f"renamed to {name}", "rename", run.name)


def _colour(runs: Sequence[Any], value: str) -> _Change:
    """One colour for all, or one for each with commas between; an empty one is the run's own again."""
    colours = [_read_colour(part) for part in value.split(",")]
    if len(colours) == 1:
        colours *= len(runs)
    if len(colours) != len(runs):
        raise Invalid.field("value", "value must be one colour, or one for each run")
    changed = [(run, colour) for run, colour in zip(runs, colours, strict=True) if colour != run.colour]
    old = ",".join("" if run.colour is None else str(run.colour) for run, _ in changed)
    return _Change({run.id: {"colour": colour} for run, colour in changed}, "recoloured", "colour", old)


def _read_colour(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or int(text) >= COLOURS:
        raise Invalid.field("value", f"a colour is a number from 0 to {COLOURS - 1}, or nothing")
    return int(text)


ACTIONS: dict[str, Callable[[Sequence[Any], str], _Change]] = {
    "archive": _stamp("archived_at", True, "archived", "unarchive"),
    "unarchive": _stamp("archived_at", False, "unarchived", "archive"),
    "trash": _stamp("trashed_at", True, "deleted", "restore"),
    "restore": _stamp("trashed_at", False, "restored", "trash"),
    "tag": _tag,
    "untag": _untag,
    "rename": _rename,
    "colour": _colour,
}


def _named(runs: Sequence[Any]) -> str:
    return runs[0].name if len(runs) == 1 else f"{len(runs):,} runs"


def _listed(run_ids: Sequence[int]) -> str:
    some = ", ".join(map(str, run_ids[:_NAMED]))
    more = f" and {len(run_ids) - _NAMED} more" if len(run_ids) > _NAMED else ""
    return f"run{'s' if len(run_ids) > 1 else ''} {some}{more}"
