"""The runs of a project as a table: a page of them with the columns that were chosen, or that tell runs apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...models import Run
from ...principal import Principal
from ..paging import Page
from . import columns, pages
from .columns import Column
from .filters import Filter
from .order import Order
from .states import states


@dataclass(frozen=True)
class Row:
    """A run with its state, and its value in each column; those of facts are the run's own."""

    run: Run
    state: str
    values: Sequence[Any]


@dataclass(frozen=True)
class Table:
    """One page of rows with its columns. `runs` is how many runs the project has, whether they pass or not."""

    page: Page[Row]
    columns: Sequence[Column]
    runs: int

    @property
    def rows(self) -> Sequence[Row]:
        return self.page.items


def table(
    principal: Principal,
    project_id: int,
    order: Order,
    where: Filter | None,
    chosen: Sequence[Column] = (),
    after: str | None = None,
    limit: int = 100,
) -> Table:
    """A page of a project's runs with the chosen columns; without any, with the automatic ones. Without a filter, because
    nobody can say what it means, there are no rows."""
    page = Page[Run]([], 0) if where is None else pages.page(principal, project_id, order, where, after, limit)
    shown = list(dict.fromkeys(chosen)) if chosen else columns.automatic(project_id, order, where or Filter())
    return Table(Page(rows(page.items, shown), page.total, page.next_cursor), shown, pages.count(project_id))


def rows(runs: Sequence[Run], shown: Sequence[Column]) -> list[Row]:
    """These runs as rows, in a constant number of queries."""
    state, values = states(runs), columns.values_of(runs, shown)
    return [Row(run, state[run.id], values[run.id]) for run in runs]
