"""Configs with their nested keys joined by dots, and how their values compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from ...models import natural_order

Comparable = tuple[int, float | str]


def flat(config: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """`{"optimizer": {"lr": 0.1}}` as `optimizer.lr`; lists and empty objects stay as they are."""
    stack: list[tuple[str, Any]] = [(above, config)]
    while stack:
        key, value = stack.pop()
        if isinstance(value, dict) and value:
            stack.extend((f"{key}.{name}" if key else name, inner) for name, inner in reversed(value.items()))
        elif key:
            yield key, value


def find(text: str, key: str) -> Any:
    """The value under a key of a config that is still text, None if there is none."""
    return _under(orjson.loads(text), key)


def _under(config: Any, key: str) -> Any:
    if not isinstance(config, dict):
        return None
    value = config.get(key)
    if value is not None and value != {}:
        return None if isinstance(value, dict) else value
    for end, letter in enumerate(key):
        if letter == "." and key[:end] in config:
            inner = _under(config[key[:end]], key[end + 1 :])
            if inner is not None:
                return inner
    return value


def differing_keys(configs: Sequence[dict[str, Any]]) -> list[str]:
    """The config keys that not all runs have alike, as they were written; those that only some runs have come last."""
    order = list(dict.fromkeys(key for config in configs for key in config))
    values = {key: [repr(config[key]) for config in configs if key in config] for key in order}
    differing = [key for key in order if len(set(values[key])) > 1]
    return differing + [key for key in order if key not in differing and len(values[key]) < len(configs)]


def comparable(value: Any) -> Comparable:
    """Numbers before words, and words as people count."""
    return (0, value) if isinstance(value, int | float) else (1, natural_order.key(str(value)))
