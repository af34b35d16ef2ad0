"""What is typed to find runs, as `query/` reads it: words and conditions such as `val/loss.min < 0.1 and tags has "baseline"`."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import Invalid
from ...query import Node, QueryError, parse, tree
from ...query.fields import OF as VALUES
from ...query.fields import metric, metric_text
from ...query.tree import Field
from ...store.shapes import Statistic
from . import direction

ARCHIVED = tree.Fact("archived")


@dataclass(frozen=True)
class Filter:
    """Which runs are asked for; without a tree all that are neither archived nor in the trash. With `trashed` those in the trash
    and no others."""

    tree: Node | None = None
    trashed: bool = False

    def __bool__(self) -> bool:
        return self.tree is not None or self.trashed

    @property
    def fields(self) -> list[Field]:
        return tree.fields(self.tree) if self.tree else []

    @property
    def words(self) -> tuple[str, ...]:
        """The words that each run must have."""
        parts = self.tree.parts if isinstance(self.tree, tree.And) else (self.tree,)
        return tuple(part.text for part in parts if isinstance(part, tree.Word))

    @property
    def metrics(self) -> dict[str, Statistic]:
        """The metrics of the conditions, and which of their values."""
        return {one.name: direction.statistic(one.name, one.of) for one in self.fields if isinstance(one, tree.Metric)}

    @property
    def config_keys(self) -> list[str]:
        """The config keys of the conditions."""
        return [one.key for one in self.fields if isinstance(one, tree.Config)]

    @property
    def says_archived(self) -> bool:
        """Whether it says itself which archived runs there are to be."""
        return ARCHIVED in self.fields


def read(text: str) -> Filter:
    """What a text asks for. Raises Invalid that says what was expected, and at which letter."""
    try:
        return Filter(parse(text))
    except QueryError as error:
        fault = {
            "loc": ["query", "filter"],
            "msg": f"filter: {error}",
            "type": "value_error",
            "letter": error.place + 1,
        }
        raise Invalid([fault]) from None


__all__ = ["VALUES", "Filter", "metric", "metric_text", "read"]
