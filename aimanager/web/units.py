"""Metrics of the machine say their unit at the end of their name: `system/gpu0_memory_used_bytes`. The rules are those of
static/js/chart/units.js; tests/wire/units.json holds both."""

from __future__ import annotations

import math
import re

from .blueprint import web
from .template_filters import short

_OF_MACHINE = re.compile(
    r"(?:system|sys|gpu|cpu)/(?:.*/)?([^/]+?)_(percent|bytes_per_second|bytes|celsius|watts|seconds)\Z", re.IGNORECASE
)
_SIGNS = {"percent": "%", "celsius": "°C", "watts": "W", "seconds": "s"}
_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@web.app_template_filter("measured")
def measured(value: float | None, name: str) -> str:
    """A value for reading, with its unit where the metric has one."""
    found = _OF_MACHINE.match(name)
    if found is None or value is None or not math.isfinite(value):
        return short(value)
    unit = found[2].lower()
    if not unit.startswith("bytes"):
        return f"{_trimmed(value)} {_SIGNS[unit]}"
    size, word = next((pair for pair in _SIZES if abs(value) >= pair[0]), (1, "B"))
    return f"{_trimmed(value / size)} {word}{'' if unit == 'bytes' else '/s'}"


@web.app_template_filter("metric_title")
def title_of(name: str) -> str | None:
    """What a metric of the machine is called: `GPU 0 memory used`; None for one of a training."""
    found = _OF_MACHINE.match(name)
    if found is None:
        return None
    words = re.sub(r"\b(gpu|rank)(\d+)", r"\1 \2", found[1], flags=re.IGNORECASE).replace("_", " ")
    words = re.sub(r"(?<![a-z])(gpu|cpu)(?![a-z])", lambda word: word[0].upper(), words, flags=re.IGNORECASE)
    return words[0].upper() + words[1:]


def _trimmed(value: float) -> str:
    text = short(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
