"""Which list of runs the address of a project's page asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import Invalid
from ..services.run_list import filters
from ..services.run_list import order as orders
from ..services.run_list.columns import Column
from ..services.run_list.filters import Filter
from ..services.run_list.order import Order
from . import address, columns
from .blueprint import LIMITS


@dataclass(frozen=True)
class Asked:
    """`search` is as it was typed. Where it cannot be understood `where` is None and `fault` says why. Without `chosen` columns the
    automatic ones are meant."""

    search: str
    where: Filter | None
    fault: str
    order: Order
    chosen: Sequence[Column]


def asked() -> Asked:
    args = address.args()
    search = args.get("q", "").strip()[: LIMITS["search"]]
    where, fault = _filter(search)
    return Asked(search, where, fault, _order(args.getlist("sort")), columns.chosen(args.getlist("show")))


def _filter(typed: str) -> tuple[Filter | None, str]:
    """The filter, or None and what is wrong with it."""
    try:
        return filters.read(typed), ""
    except Invalid as error:
        return None, error.errors[0]["msg"].removeprefix("filter: ")


def _order(texts: Sequence[str]) -> Order:
    try:
        return orders.read_keys([text[:400] for text in texts] or ["-created"])
    except Invalid:
        return Order()
