"""What a table of runs shows, as one word: a page that has it already is not sent it again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from .columns import ShownRow

_ELSEWHERE = {
    "rows",
    "drawn_ids",
    "sections",
    "charts_url",
    "charts_empty",
}  # Not in the table, or there in another form.


def of(shown: Mapping[str, Any]) -> str:
    """The version of what `_runs.html` is made from. Times that the page's scripts keep true, as `3 min ago`, are no part of it."""
    parts = {name: value for name, value in shown.items() if name not in _ELSEWHERE}
    text = repr([*sorted(parts.items()), *map(_of_row, shown["rows"])])
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=12).hexdigest()


def _of_row(row: ShownRow) -> tuple[Any, ...]:
    run = row.run
    facts = (
        run.id,
        run.name,
        run.tags,
        run.notes,
        run.colour,
        run.archived_at,
        run.trashed_at,
        run.started_at,
        run.duration,
    )
    return *facts, row.state, *(str(cell.html) for cell in row.cells)


def unchanged(version: str) -> Response | None:
    """An answer without a body if the page that asks has this version."""
    return Response(status=304) if version in request.if_none_match else None
