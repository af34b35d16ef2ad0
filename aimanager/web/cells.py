"""The cells of a table of runs as HTML. A page has a thousand of them: made by a template they would take most of its time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape

from ..services.run_list.columns import Kind
from .template_filters import plain, short


def writer(kind: Kind, title: str, of: str, number: bool) -> Callable[[Any], Markup]:
    """Writes the cells of one column, whose values are of a metric or the config; where rows are cards, each names its column."""
    label = escape(f"{title} {of}" if kind == "metric" and of != "last" else title)
    classes = "cell" + " number" * number + " config" * (kind == "config")
    start = f'<td class="{classes}" data-label="{label}"'
    none = f'<td class="{classes} none" data-label="{label}"><span class="faint" aria-label="none">–</span></td>'

    def cell(value: Any) -> str:
        if value is None:
            return none
        exact = escape(plain(value))
        return (
            f"{start}>{exact}</td>"
            if number and kind != "metric"
            else f'{start} title="{exact}">{escape(short(value))}</td>'
        )

    return lambda value: Markup(cell(value))  # noqa: S704  All of its parts are escaped.
