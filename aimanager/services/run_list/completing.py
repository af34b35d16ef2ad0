"""What may come next in a query that is being typed: fields, and the project's own names and values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from ...extensions import db, metric_store
from ...models import Run, RunTag
from ...models.run_config import flat
from ...principal import Principal
from ...query.fields import FACTS, OF, STATES, quoted
from .. import projects

LOOK_AT, MOST = 50, 20  # The newest runs whose names and values are offered, and how many offers there are.
_PIECE = re.compile(r'(?:"[^"]*"?|[^\s<>=!~(),"])+')
_STATUS = re.compile(r"\bstatus\s*!?=\s*$|\bstatus\s+(?:not\s+)?in\s*\([^)]*$")
_TAGS = re.compile(r"\btags\s+has\s+$|\btags\s*!?=\s*$|\btags\s+(?:not\s+)?in\s*\([^)]*$")


@dataclass(frozen=True)
class Completion:
    """A text that may stand in the place of the letters `start` to `end`; `kind` is a field, a metric, a config key or a value."""

    text: str
    start: int
    end: int
    kind: str


def completions(principal: Principal, project_id: int, typed: str, at: int) -> list[Completion]:
    """What may stand where the cursor is, those that begin like what was typed before those that have it inside."""
    projects.get(project_id, principal)
    before = typed[:at]
    pieces = _PIECE.findall(before)  # From the left, for only so one sees which quote opens and which closes.
    word = pieces[-1] if pieces and before.endswith(pieces[-1]) else ""
    start = len(before) - len(word)
    wanted = word.strip('"').casefold()
    found = [(text, kind) for text, kind in _offers(project_id, before[:start]) if wanted in text.casefold()]
    found.sort(key=lambda offer: not offer[0].casefold().lstrip('"').startswith(wanted))
    return [Completion(text, start, len(before), kind) for text, kind in dict.fromkeys(found)][:MOST]


def _offers(project_id: int, before: str) -> Iterator[tuple[str, str]]:
    if _STATUS.search(before):
        yield from ((state, "value") for state in STATES)
        return
    newest = sa.select(Run.id, Run.config).where(Run.project_id == project_id, Run.trashed_at.is_(None))
    runs = db.session.execute(newest.order_by(Run.id.desc()).limit(LOOK_AT)).all()
    if _TAGS.search(before):
        tags = sa.select(RunTag.tag).where(RunTag.run_id.in_([run for run, _ in runs])).distinct().order_by(RunTag.tag)
        yield from ((quoted(tag), "value") for tag in db.session.scalars(tags))
        return
    yield from ((name, "field") for name in FACTS)
    for name in metric_store.names([run for run, _ in runs]):
        shown = name if re.fullmatch(r'[^\s<>=!~(),"]+', name) else quoted(name)
        yield f"metrics.{shown}", "metric"
        yield from ((f"metrics.{shown}.{of}", "metric") for of in OF[1:])
    for key in sorted({key for _, config in runs for key, _ in flat(config)}):
        shown = key if re.fullmatch(r'[^\s<>=!~(),"]+', key) else quoted(key)
        yield f"config.{shown}", "config"
