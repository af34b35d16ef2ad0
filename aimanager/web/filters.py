"""How numbers and times look: rounded for reading, exact on hover."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint

from .markdown import rendered


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds") + "Z"


def exact(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(moment: datetime) -> str:
    """`3 min ago`; clocks differ, so a moment slightly in the future is `just now`."""
    seconds = (_now() - moment).total_seconds()
    if seconds < 5:
        return "just now"
    for size, name in ((60, "s"), (3600, "min"), (86400, "h"), (30 * 86400, "d")):
        if seconds < size:
            unit = {"s": 1, "min": 60, "h": 3600, "d": 86400}[name]
            return f"{int(seconds // unit)} {name} ago"
    return moment.strftime("%d %b %Y").lstrip("0")


def duration(length: timedelta) -> str:
    """The two largest units: `1 h 04 min`. A clock that was set back never makes it negative."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{int(seconds)} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def elapsed(since: datetime) -> str:
    return duration(_now() - since)


def short(value: Any) -> str:
    """Four significant digits, or the thing itself when it is no number."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, int) and abs(value) < 10**6:
        return str(value)
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    size = abs(number)
    if number.is_integer() and size < 1e6:
        shown = str(int(number))
    elif 1e-3 <= size < 1e6:
        # Zeros at the end stay, so that the figures of a column stand below each other.
        shown = f"{number:.{max(0, 3 - math.floor(math.log10(size)))}f}"
    else:
        mantissa, power = f"{number:.3e}".split("e")
        shown = f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"
    return shown.replace("-", "−")


def plain(value: Any) -> str:
    """The exact value, as one would type it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), repr(value))
    return json.dumps(value, ensure_ascii=False)


def count(number: int) -> str:
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def register(blueprint: Blueprint) -> None:
    for function in (iso, exact, ago, duration, elapsed, short, plain, count, plural):
        blueprint.add_app_template_filter(function)
    blueprint.add_app_template_filter(rendered, "markdown")
