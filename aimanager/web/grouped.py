"""The groups of a table of runs: a row for each, and as what they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from werkzeug.datastructures import MultiDict

from ..models.run import COLOURS
from ..services.paging import Page
from ..services.run_list import groups, pages
from ..services.run_list import table as table_of
from ..services.run_list.columns import Column
from ..services.run_list.groups import Group, Spread, Summary
from ..services.run_list.table import Table
from . import template_filters
from .address import here
from .blueprint import web
from .list_request import ListRequest

MOST = 500  # Groups that a page shows.


@dataclass(frozen=True)
class ShownGroup:
    """`id` is negative and stays the group's own however the list is sorted; `members` are its newest runs. `values` say in
    short what `name` says with whole keys: a word for each."""

    id: int
    key: str
    name: str
    values: Sequence[str]
    runs: int
    colour: int
    cells: Sequence[Summary]
    members: Sequence[int]

    @property
    def rest(self) -> str:
        """What stands below its first value."""
        return " · ".join([*self.values[1:], template_filters.plural(self.runs, "run")])


@dataclass(frozen=True)
class ShownGroups:
    groups: Sequence[ShownGroup]
    total: int
    runs: int


def keys(args: MultiDict[str, str]) -> list[Column]:
    """By what the address groups the runs; nothing where it does not."""
    return groups.read_keys(args.getlist("group"))


def shown(
    project_id: int, listed: ListRequest, args: MultiDict[str, str], columns: Sequence[Column]
) -> ShownGroups | None:
    """The groups that the address asks for, None if it asks for none."""
    by = keys(args)
    if not by or listed.where is None:
        return None
    passing = pages.passing(project_id, listed.where)
    found = groups.grouped(project_id, passing, by, columns, listed.order, MOST)
    return ShownGroups([_shown(n, one, by) for n, one in enumerate(found.groups)], found.total, found.runs)


def _shown(place: int, group: Group, keys: Sequence[Column]) -> ShownGroup:
    labels = ["none" if label is None else template_filters.plain(label) for label in group.labels]
    words = (f"{key.name} {label}" for key, label in zip(keys, labels, strict=True))
    number = -1 - crc32(group.key.encode()) % 10**9
    return ShownGroup(
        number, group.key, ", ".join(words), [*map(_in_short, keys, group.labels, labels)], group.runs, place % COLOURS,
        group.summaries, list(group.newest),
    )  # fmt: skip


def _in_short(key: Column, value: Any, label: str) -> str:
    """A text speaks for itself, a number with the last part of its key."""
    return label if isinstance(value, str) else f"{key.name.rpartition('.')[2]} {label}"


def line(group: ShownGroup) -> dict[str, Any]:
    """A group as the charts know it: its mean with a band."""
    return {
        "id": group.id,
        "name": f"{group.name} ({template_filters.plural(group.runs, 'run')})",
        "colour": group.colour,
        "state": "group",
        "url": here(),
        "members": group.members,
    }


def members(shown_groups: ShownGroups, key: str, table: Table) -> Table:
    """A table of the newest runs of one group, none if there is no such group."""
    run_ids = next((group.members for group in shown_groups.groups if group.key == key), [])
    rows = table_of.rows(pages.load(run_ids), table.columns)
    return Table(Page(rows, len(rows)), table.columns, table.runs)


@web.app_template_test("spread")
def is_spread(summary: Summary) -> bool:
    return isinstance(summary, Spread)
