"""What may come next in a query that is being typed: fields, operators, and the project's own names and values.

All of it is found by indexes, however many runs there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ...db.distinct import distinct
from ...db.matching import FEW, Selected
from ...extensions import db, metric_store
from ...models import RunConfig, RunTag
from ...models.base import now
from ...models.run_config import text_of_key
from ...principal import Principal
from ...query.cursor import Cursor, cursor
from ...query.fields import OF, STATES, is_plain, kind_of, metric_text, quoted
from ...query.printer import value_text
from ...query.tree import Compare, Config, Fact, Field, Metric
from .. import projects
from . import names
from .conditions import Conditions, left_out

MOST = 20  # Offers.
LOOK_AT = 500  # Values in whose middle the typed word is looked for; beyond these, only in their beginning.
FEW_METRICS = 3  # If no more metrics than these are found, their other values are offered, too.
_config, _tags = RunConfig.__table__.c, RunTag.__table__.c
_LAST = chr(0x10FFFF)
_ABOUT_FACTS = {
    "name": "text", "tags": "tags", "status": "state", "created": "time", "started": "time", "ended": "time", "duration": "duration",
    "id": "number", "archived": "true or false", "notes": "text",
}  # fmt: skip
_ABOUT_OPERATORS = {
    "=": "is", "!=": "is another", "<": "less than", "<=": "at most", ">": "more than", ">=": "at least", "~": "has a text in it",
    "!~": "has no such text", "has": "has the tag", "in (": "is one of", "not in (": "is none of", "exists": "has one",
}  # fmt: skip
_AGO = {"-1h": "an hour ago", "-1d": "a day ago", "-7d": "a week ago", "-30d": "a month ago"}
_LONG = {"1m": "a minute", "10m": "ten minutes", "1h": "an hour", "1d": "a day"}


@dataclass(frozen=True)
class Offer:
    """A text, and in a few words what it is. `kind` is field, metric, config, operator or value."""

    text: str
    kind: str
    detail: str


@dataclass(frozen=True)
class Completion:
    """An offer that may stand in the place of the letters `start` to `end`."""

    offer: Offer
    start: int
    end: int


def completions(principal: Principal, project_id: int, typed: str, at: int) -> list[Completion]:
    """What may stand where the cursor is, those that begin like what was typed before those that have it inside."""
    projects.get(project_id, principal)
    place = cursor(typed[:at])
    word = place.word.replace('"', "").casefold()
    offers = dict.fromkeys(_offers(project_id, place, word))
    return [Completion(offer, place.start, at) for offer in offers if offer.text != place.word][:MOST]


def _offers(project_id: int, place: Cursor, word: str) -> Iterator[Offer]:
    match place.wanted:
        case "value":
            yield from _values(project_id, place.field, place.op, word)
        case "operator":
            is_field = _is_field(project_id, place)
            if is_field:
                yield from _matching(_operators(place.field), word)
            if word and word != "!":
                yield from _fields(project_id, word)
        case "and":
            yield from _matching([Offer("and", "operator", "both"), Offer("or", "operator", "either")], word)
            yield from _fields(project_id, word)
        case "condition":
            yield from _fields(project_id, word)
            if word:
                yield from _matching([Offer("not", "operator", "the opposite")], word)


def _matching(offers: Iterable[Offer], word: str) -> list[Offer]:
    found = [offer for offer in offers if word in offer.text.casefold()]
    return sorted(found, key=lambda offer: not offer.text.casefold().lstrip('"').startswith(word))


def _is_field(project_id: int, place: Cursor) -> bool:
    """Whether the name before the cursor is one, and not a word."""
    field = place.field
    if isinstance(field, Metric) and not place.name.startswith("metrics."):
        return bool(metric_store.runs_having(project_id, [field.name], 1)[field.name])
    return True


def _operators(field: Field) -> list[Offer]:
    kind = kind_of(field)
    texts = [*kind.ops, *["in (", "not in ("] * kind.lists, *["exists"] * kind.exists]
    return [Offer(text, "operator", _ABOUT_OPERATORS[text]) for text in texts]


# Fields


def _fields(project_id: int, word: str) -> Iterator[Offer]:
    facts = _matching([Offer(name, "field", about) for name, about in _ABOUT_FACTS.items()], word)
    yield from (fact for fact in facts if fact.text.startswith(word))
    found, _ = names.find(project_id, word, MOST)
    before, dot, of = word.rpartition(".")
    if not found and dot and any(one.startswith(of) for one in OF):  # `metrics.val/loss.m` may be one of its values.
        found, _ = names.find(project_id, before, MOST)
    few = sum(one.column.kind == "metric" for one in found) <= FEW_METRICS
    for one in found:
        if one.column.kind == "config":
            shown = one.column.name if is_plain(one.column.name) else quoted(one.column.name)
            yield Offer(f"config.{shown}", "config", f"config of {_runs(one.runs, names.COUNTED)}")
        elif one.column.kind == "metric":
            each = [_metric(one.column.name, value) for value in (OF if few else OF[:1])]
            about = f"metric of {_runs(one.runs, names.COUNTED)}"
            yield from (Offer(text, "metric", about) for text in each if word in text.replace('"', "").casefold())
    yield from facts


def _metric(name: str, of: Any) -> str:
    is_simple = is_plain(name) and metric_text(name, "last") == name
    return f"metrics.{name if is_simple else quoted(name)}{'' if of == 'last' else f'.{of}'}"


def _runs(number: int | None, most: int) -> str:
    if number is None or number >= most:
        return f"{most:,} runs or more"
    return "1 run" if number == 1 else f"{number:,} runs"


# Values


def _values(project_id: int, field: Field, op: str, word: str) -> list[Offer]:
    match field:
        case Fact("created" | "started" | "ended"):
            return _matching([Offer(text, "value", about) for text, about in _AGO.items()], word)
        case Fact("duration"):
            return _matching([Offer(text, "value", about) for text, about in _LONG.items()], word)
        case Fact("archived"):
            return _matching([Offer(text, "value", "") for text in ("true", "false")], word)
        case Fact("status"):
            values: list[Any] = [*STATES]
        case Fact("tags"):
            values = _texts(_tags.tag, word, _tags.tag, _tags.project_id == project_id)
        case Config(key):
            values = _config_values(project_id, key, word, numbers=op not in ("~", "!~"))
        case _:
            return []
    texts = {value if field == Fact("status") else value_text(value): value for value in values}
    found = [offer.text for offer in _matching([Offer(text, "value", "") for text in texts], word)[:MOST]]
    counts = _counts(project_id, field, [texts[text] for text in found])
    return [Offer(text, "value", _runs(count, FEW)) for text, count in zip(found, counts, strict=True)]


def _counts(project_id: int, field: Field, values: Sequence[Any]) -> list[int]:
    """How many runs would be found by each of some values, counted up to FEW, by one statement."""
    connection = db.session.connection()
    conditions = Conditions(project_id, now(), connection)
    hidden = [query for one in left_out(connection, project_id, archived=True) for query in one.by_index]
    counts, each = [0] * len(values), []
    for place, value in enumerate(values):
        found = conditions.of(Compare(field, "=", value))
        for query in found.by_index if isinstance(found, Selected) else ():
            (run,) = query.selected_columns
            few = query.where(*(run.not_in(some) for some in hidden)).limit(FEW)
            number: sa.ColumnElement[int] = sa.literal_column(str(place))
            each.append(sa.select(number, sa.func.count()).select_from(few.subquery()))
    for place, count in connection.execute(sa.union_all(*each)) if each else ():
        counts[place] += count
    return counts


def _config_values(project_id: int, key: str, word: str, numbers: bool) -> list[float | str]:
    of_key = (_config.project_id == project_id, _config.key == key)
    values: list[float | str] = []
    if numbers:
        values += distinct(db.session.connection(), _config.number, *of_key, _config.number.is_not(None), most=LOOK_AT)
    texts = _texts(_config.text, word, _config.folded, *of_key, _config.text.is_not(None), _config.folded.is_not(None))
    return values + [text_of_key(text) for text in texts]


def _texts(
    column: sa.ColumnElement[str], word: str, beginning: sa.ColumnElement[str], *where: sa.ColumnElement[bool]
) -> list[str]:
    """The first texts of a column, and those that begin with the word. `beginning` is the column that has an index of these."""
    connection = db.session.connection()
    texts = distinct(connection, column, *where, most=LOOK_AT)
    if len(texts) == LOOK_AT and word:
        begin = (*where, beginning >= word, beginning < word + _LAST)
        for text in distinct(connection, beginning, *begin, most=MOST):
            texts += connection.scalars(sa.select(column).where(*where, beginning == text).limit(1))
    return texts
