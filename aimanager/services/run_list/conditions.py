"""A query as a condition that a page of runs is looked for with: its parts find their runs by indexes, and try single ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import inf
from typing import Any

import sqlalchemy as sa

from ...db import word_index
from ...db.matching import AllOf, AnyOf, Condition, Except, Given, Selected
from ...db.word_index import Place
from ...extensions import database, metric_store
from ...models import Run, RunConfig, RunTag, natural_order
from ...models.run_config import text_key
from ...query import tree
from ...query.fields import FACTS, STATES
from ...query.tree import Ago, Compare, Config, Exists, Fact, Metric, Node, OneOf, Value, Word
from ...store import Condition as MetricCondition
from ...store.shapes import COMPARE
from .. import run_state
from .direction import statistic

_runs, _config, _tags = Run.__table__.c, RunConfig.__table__.c, RunTag.__table__.c
_PRESENT = {"tags": _runs.tags_key, "ended": _runs.ended_at}
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "~": "!~", "!~": "~"}
_TIMES = {"created": _runs.created_at, "started": _runs.started_at, "ended": _runs.ended_at}
_PROJECT: sa.BindParameter[int] = sa.bindparam("project")
_TRIED_FOR_WORDS = 8000  # Runs: a text that is in nearly all of them is found in each again.
# Written out, for a database must see from the statement alone that the partial indexes serve it.
_HAS_NOTES, _HAS_FOLDED = (column != sa.literal_column("''") for column in (_runs.notes, _runs.folded_notes))
_HAS_HIDDEN: Any = sa.select(
    sa.exists().where(_runs.project_id == _PROJECT, _runs.trashed_at.is_not(None)),
    sa.exists().where(_runs.project_id == _PROJECT, _runs.archived_at.is_not(None)),
)


def trashed(connection: sa.Connection, project_id: int) -> Condition:
    """Runs in the trash."""
    return of_runs(connection, project_id, _runs.trashed_at.is_not(None), in_order=True)


def hidden(connection: sa.Connection, project_id: int, archived: bool) -> list[Condition]:
    """What leaves out runs in the trash, and archived ones too; nothing where there are none."""
    return [Except(one) for one in left_out(connection, project_id, archived)]


def left_out(connection: sa.Connection, project_id: int, archived: bool) -> list[Selected]:
    """Runs in the trash and archived ones, each kind where there are some."""
    has_trashed, has_archived = database.lookups.recall(_HAS_HIDDEN, project=project_id) or (False, False)
    columns = [_runs.trashed_at] * bool(has_trashed) + [_runs.archived_at] * bool(has_archived and archived)
    return [of_runs(connection, project_id, column.is_not(None), in_order=True) for column in columns]


def of_runs(
    connection: sa.Connection,
    project_id: int,
    *each: sa.ColumnElement[bool],
    in_order: bool = False,
    opposite: Sequence[sa.ColumnElement[bool]] = (),
) -> Selected:
    """Runs that fulfil any of some clauses, each of which has an index; `in_order` says that its rows come by their number.
    All other runs fulfil one of the opposite clauses."""
    select = sa.select(_runs.id)
    by_index, rest = ([select.where(_runs.project_id == project_id, one) for one in some] for some in (each, opposite))
    # Without the project, which single runs are of anyway: they are to be found by their numbers and no other index.
    return Selected(connection, by_index, select.where(sa.or_(*each)), in_order, rest)


@dataclass(frozen=True)
class Conditions:
    """Makes the conditions of one list of runs of a project; `moment` is what relative times count from."""

    project_id: int
    moment: datetime
    connection: sa.Connection

    def of(self, node: Node) -> Condition:
        match node:
            case tree.And(parts):
                return AllOf([self.of(part) for part in parts])
            case tree.Or(parts):
                return AnyOf([self.of(part) for part in parts])
            case tree.Not(Compare(Fact(name) as fact, op, value)) if op in _OPPOSITE and not FACTS[name].exists:
                # Every run has it, so that the opposite may be found by an index.
                return self._fact(fact.name, _OPPOSITE[op], value)
            case tree.Not(OneOf(Fact(name) as fact, values, negated)) if not FACTS[name].exists:
                return self.of(OneOf(fact, values, not negated))
            case tree.Not(Exists(Fact("tags" | "ended") as fact)):
                return self._of_runs(_PRESENT[fact.name].is_(None), in_order=True)
            case tree.Not(part):
                return Except(self.of(part))
            case Word(text):
                return self._word(text.casefold())
            case Compare(field, op, value):
                return self._compare(field, op, value)
            case OneOf(field, values, negated):
                return self._one_of(field, values, negated)
            case Exists(field):
                return self._exists(field)

    def _word(self, text: str) -> Condition:
        in_words = self._in_words(text)
        states = [state for state in STATES if text in state]
        return AnyOf([in_words, self._in_state(states)]) if states else in_words

    def _compare(self, field: tree.Field, op: str, value: Any) -> Condition:
        if isinstance(field, Fact):
            return self._fact(field.name, op, value)
        if isinstance(field, Config):
            return self._config(field.key, op, value)
        condition = MetricCondition(field.name, statistic(field.name, field.of), op, value)
        return metric_store.condition(self.connection, self.project_id, condition)

    def _one_of(self, field: tree.Field, values: tuple[Any, ...], negated: bool) -> Condition:
        if field == Fact("status"):
            return self._in_state([state for state in STATES if (state in values) != negated])
        if isinstance(field, Fact):
            found = self._fact_in(field.name, values)
            return Except(found) if negated else found
        if isinstance(field, Config):
            return self._config_in(field.key, values, negated)
        each = [self._compare(field, "!=" if negated else "=", value) for value in values]
        return AllOf(each) if negated else AnyOf(each)

    def _exists(self, field: tree.Field) -> Condition:
        if isinstance(field, Metric):
            return self._compare(field, ">=", -inf)
        if isinstance(field, Config):
            return self._config_where(field.key, _config.number.is_not(None), _config.text.is_not(None))
        present = _PRESENT.get(field.name)
        if present is None:
            return self._of_runs(_HAS_NOTES, in_order=True)
        return self._of_runs(present.is_not(None))

    def _of_runs(self, *each: sa.ColumnElement[bool], **more: Any) -> Selected:
        return of_runs(self.connection, self.project_id, *each, **more)

    # Facts

    def _fact(self, name: str, op: str, value: Any) -> Condition:
        if op in ("!=", "!~") and name not in ("status", "ended"):
            return Except(self._fact(name, _OPPOSITE[op], value))
        match name:
            case "status":
                return self._in_state([state for state in STATES if (state == value) == (op == "=")])
            case "name" | "tags" | "notes" if op == "~":
                return self._in_words(value.casefold(), name)
            case "name" if op != "=":
                return self._of_runs(COMPARE[op](_runs.name_key, natural_order.key(value)))
            case "name" | "tags" | "id" if op in ("=", "has"):
                return self._fact_in(name, [value])
            case "id":
                return self._of_runs(COMPARE[op](_runs.id, int(value)), in_order=True)
            case "duration":
                return self._duration(op, value)
            case "archived":
                archived = self._of_runs(_runs.archived_at.is_not(None), in_order=True)
                return archived if value else Except(archived)
        column = _TIMES[name]
        every_run_has_it = op in ("<", "<=", ">", ">=") and name != "ended"
        opposite = self._time(column, _OPPOSITE[op], value) if every_run_has_it else ()
        return self._of_runs(*self._time(column, op, value), opposite=opposite)

    def _fact_in(self, name: str, values: Iterable[Any]) -> Condition:
        if name == "id":
            return self._of_runs(_runs.id.in_([int(value) for value in values]))
        if name == "tags":
            with_tag = sa.select(_tags.run_id).where(_tags.project_id == self.project_id)
            by_index = [with_tag.where(_tags.tag == value) for value in values]
            return Selected(
                self.connection, by_index, sa.select(_tags.run_id).where(_tags.tag.in_([*values])), in_order=True
            )
        keys = {natural_order.key(value) for value in values}
        return self._of_runs(sa.and_(_runs.name_key.in_(keys), _runs.name.in_([*values])))

    def _duration(self, op: str, value: timedelta) -> Condition:
        """Runs that still run last until now: they were started so long ago or longer."""
        ended = COMPARE[op](_runs.lasted, value // timedelta(microseconds=1))
        start = self.moment - value
        running = {"<": _runs.started_at > start, "<=": _runs.started_at >= start, "=": _runs.started_at == start,
                   ">": _runs.started_at < start, ">=": _runs.started_at <= start}  # fmt: skip
        return self._of_runs(ended, sa.and_(_runs.lasted.is_(None), running[op]))

    def _time(self, column: sa.ColumnElement[datetime], op: str, value: Value) -> list[sa.ColumnElement[bool]]:
        """A day is all the time from its beginning to its end: `<= 2026-01-31` includes it."""
        if isinstance(value, Ago):
            value = self.moment - value.span
        if isinstance(value, datetime):
            return [column < value, column > value] if op == "!=" else [COMPARE[op](column, value)]
        assert isinstance(value, date)  # noqa: S101 - as the query's reader makes it
        start = datetime.combine(value, time.min)
        end = start + timedelta(days=1) if value < date.max else datetime.max
        match op:
            case "=":
                return [sa.and_(column >= start, column < end)]
            case "!=":
                return [column < start, column >= end]
            case "<" | ">=":
                return [COMPARE[op](column, start)]
        return [column < end if op == "<=" else column >= end]

    def _in_state(self, states: list[str]) -> Condition:
        """Runs in one of these states, by what is stored: a stale run's status is still `running`."""
        each = [_runs.status == state for state in states if state not in ("running", "stale")]
        if "running" in states:
            running = _runs.status == "running"
            each.append(running if "stale" in states else sa.and_(running, sa.not_(run_state.is_stale())))
        elif "stale" in states:
            each.append(run_state.is_stale())
        others = [_runs.status == state for state in STATES if state not in {*states, "stale"}]
        is_by_status = ("stale" in states) == ("running" in states)
        return self._of_runs(*each, in_order=True, opposite=others if is_by_status else ()) if each else Given(())

    def _in_words(self, text: str, place: Place = "words") -> Condition:
        """Runs that have a text, in small letters, in their name, their tags or either, or in their notes."""
        if "\n" in text and place != "notes":  # Only between a name and a tag there is one.
            return Given(())
        has_text = self._has_text(text, place)
        of_run = sa.select(_runs.id).where(has_text)
        asked = word_index.question(text, place, [self.project_id]) if self._is_sqlite else None
        if asked:
            return Selected(self.connection, [word_index.found(asked)], of_run, in_order=True, tried=_TRIED_FOR_WORDS)
        by_index = [of_run.where(_runs.project_id == self.project_id)]
        return Selected(self.connection, by_index, of_run, tried=_TRIED_FOR_WORDS)

    def _has_text(self, text: str, place: Place) -> sa.ColumnElement[bool]:
        if place == "notes":
            return sa.and_(_HAS_FOLDED, self._contains(_runs.folded_notes, text))
        position = sa.func.instr if self._is_sqlite else sa.func.strpos
        contains = self._contains(_runs.words, text)
        if place == "words":
            return contains
        # The first line is the name.
        end_of_name = position(_runs.words.concat("\n"), "\n")
        if place == "name":
            return sa.and_(contains, position(_runs.words, text) < end_of_name)
        return sa.and_(contains, position(sa.func.substr(_runs.words, end_of_name + 1), text) > 0)

    def _contains(self, column: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
        return sa.func.instr(column, text) > 0 if self._is_sqlite else column.contains(text, autoescape=True)

    @property
    def _is_sqlite(self) -> bool:
        return self.connection.dialect.name == "sqlite"

    # Config

    def _config_where(self, key: str, *each: sa.ColumnElement[bool], in_order: bool = False) -> Selected:
        """Runs whose value fulfils any of some clauses, each of which has an index."""
        of_key = sa.select(_config.run_id).where(_config.key == key)
        by_index = [of_key.where(_config.project_id == self.project_id, one) for one in each]
        # Without the project: there are two indexes, and this is to take the run's.
        return Selected(self.connection, by_index, of_key.where(sa.or_(*each)), in_order)

    def _config(self, key: str, op: str, value: float | str) -> Condition:
        if op in ("~", "!~"):
            has_text = self._contains(_config.folded, str(value).casefold())
            # The index has only what is there, and is taken only if the statement says that, too.
            present = _config.folded.is_not(None)
            return self._config_where(key, sa.and_(present, has_text if op == "~" else sa.not_(has_text)))
        column: sa.ColumnElement[Any] = _config.number if isinstance(value, float) else _config.text
        other = _config.text if isinstance(value, float) else _config.number
        compared = value if isinstance(value, float) else text_key(value)
        if op == "!=":  # Also a value of the other type.
            return self._config_where(key, column < compared, column > compared, other.is_not(None))
        return self._config_where(key, COMPARE[op](column, compared), in_order=op == "=")

    def _config_in(self, key: str, values: tuple[Any, ...], negated: bool) -> Condition:
        numbers = [value for value in values if isinstance(value, float)]
        texts = [text_key(value) for value in values if isinstance(value, str)]
        if negated:
            present = sa.and_(_config.number.is_not(None), _config.number.not_in(numbers))
            return self._config_where(key, present, sa.and_(_config.text.is_not(None), _config.text.not_in(texts)))
        each = [_config.number == number for number in numbers] + [_config.text == text for text in texts]
        return self._config_where(key, *each, in_order=True)
