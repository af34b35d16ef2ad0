"""What tells the configs of runs apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def differing_keys(configs: Sequence[dict[str, Any]]) -> list[str]:
    """The config keys whose values differ between runs, as they were written; those that only some runs have come last."""
    order = list(dict.fromkeys(key for config in configs for key in config))
    values = {key: [repr(config[key]) for config in configs if key in config] for key in order}
    differing = [key for key in order if len(set(values[key])) > 1]
    return differing + [key for key in order if key not in differing and len(values[key]) < len(configs)]
