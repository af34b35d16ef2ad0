"""The language in which runs are asked for: `metrics.val/loss.min < 0.1 and (config.lr = 0.001 or tags has "baseline")`.

From text to a tree of what is meant (`parse`), and back (`text_of`). docs/query.md has all of it; which runs fulfil a tree is
found by `services/run_list/`.
"""

from .errors import QueryError
from .parser import parse
from .printer import text_of
from .tree import Node

__all__ = ["Node", "QueryError", "parse", "text_of"]
