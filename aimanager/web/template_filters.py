"""How numbers and times look: rounded for reading, exact on hover."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from flask import Blueprint

from ..wire.numbers import to_word
from .markdown import rendered

_FOUR_DIGITS = Context(prec=4, rounding=ROUND_HALF_UP)  # Halves away from zero, as JavaScript rounds.


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
    """A number rounded for reading: four significant digits, all digits before the point, thousands separated.
    Anything else as it is. The pages' scripts follow the same table of cases, tests/wire/numbers.json."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    number = Decimal(value)
    if number.is_nan():
        return to_word(value)
    if number.is_infinite():
        return "∞" if number > 0 else "−∞"
    return _rounded(number).replace("-", "−")


def _rounded(number: Decimal) -> str:
    rounded = _FOUR_DIGITS.create_decimal(number)
    size = abs(rounded)
    if number == number.to_integral_value() and abs(number) < 10**6:
        return f"{int(number):,}"
    if size >= 10**6 or size < Decimal("0.001"):
        mantissa, exponent = f"{rounded:.3e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    if size >= 1000:
        return f"{int(number.to_integral_value(ROUND_HALF_UP)):,}"
    # Zeros at the end stay, so that the digits of a column line up.
    return f"{rounded:.{3 - rounded.adjusted()}f}"


def plain(value: Any) -> str:
    """The exact value, as one would type it; numbers as JavaScript writes them."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _exact(value)
    return json.dumps(value, ensure_ascii=False)


def _exact(value: float) -> str:
    if not math.isfinite(value):
        return to_word(value)
    if value == 0:
        return "0"
    number = Decimal(repr(value)).normalize()
    if -7 < number.adjusted() < 21:
        return f"{number:f}"
    mantissa, exponent = f"{number:e}".split("e")
    return f"{mantissa}e{exponent}"


def count(number: int) -> str:
    return f"{number:,}"


def size(number: int) -> str:
    """Bytes for reading: `1.2 GB`."""
    value, unit = float(number), "bytes"
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{number:,} bytes" if unit == "bytes" else f"{value:.3g} {unit}"


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def register(blueprint: Blueprint) -> None:
    for function in (iso, exact, ago, duration, elapsed, short, plain, count, plural, size):
        blueprint.add_app_template_filter(function)
    blueprint.add_app_template_filter(rendered, "markdown")
