"""The list of runs that the address of a project's page asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from ..errors import Invalid
from ..services.run_list import filters
from ..services.run_list import order as orders
from ..services.run_list.columns import Column
from ..services.run_list.filters import Filter
from ..services.run_list.order import Order
from . import address, columns
from .blueprint import LIMITS


@dataclass(frozen=True)
class ListRequest:
    """`search` is as it was typed. Where it cannot be understood `where` is None, `fault` says why, and `letter` where, counted
    from 1. Without `chosen` columns the automatic ones are meant."""

    search: str
    where: Filter | None
    fault: str
    letter: int
    order: Order
    chosen: Sequence[Column]


def read(args: MultiDict[str, str] | None = None) -> ListRequest:
    """What the address asks for, or another query of such a page."""
    args = address.args() if args is None else args
    search = args.get("q", "").strip()[: LIMITS["search"]]
    where, fault, letter = _filter(search)
    if where is not None and args.get("trash") == "1":
        where = replace(where, trashed=True)
    return ListRequest(search, where, fault, letter, _order(args.getlist("sort")), columns.chosen(args.getlist("show")))


def _filter(typed: str) -> tuple[Filter | None, str, int]:
    """The filter, or None, what is wrong with it and at which letter. What lacks comes at the end."""
    try:
        return filters.read(typed), "", len(typed) + 1
    except Invalid as error:
        fault = error.errors[0]
        return None, fault["msg"].removeprefix("filter: "), fault["letter"]


def _order(texts: Sequence[str]) -> Order:
    try:
        return orders.read_keys([text[:400] for text in texts] or ["-created"])
    except Invalid:
        return Order()
