"""A filter as conditions that a page of runs is looked for with: each finds its runs by an index, and tries single ones."""

from __future__ import annotations

import sqlalchemy as sa

from ...db import keyset
from ...db.keyset import Selected
from ...extensions import db, metric_store
from ...models import Run, RunConfig
from ...models.natural_order import key as text_key
from ...models.run_config import LONGEST_TEXT
from ...store.base import COMPARE
from .filters import ConfigCondition, Filter, StatusCondition
from .states import STATES, stale

_config = RunConfig.__table__.c


def conditions(project_id: int, where: Filter) -> list[keyset.Condition]:
    """All that a run of the project must fulfil."""
    return [_word(project_id, word.casefold()) for word in where.words] + [
        _config_value(project_id, one) if isinstance(one, ConfigCondition)
        else _status(project_id, one) if isinstance(one, StatusCondition)
        else metric_store.condition(db.session.connection(), project_id, one)
        for one in where.conditions
    ]  # fmt: skip


def _word(project_id: int, word: str) -> Selected:
    """A word in the name, a tag or the state."""
    states = [state for state in STATES if word in state]
    return _of_runs(project_id, sa.or_(Run.words.contains(word, autoescape=True), _in_state(project_id, states)))


def _status(project_id: int, condition: StatusCondition) -> Selected:
    is_wanted = condition.op == "="
    states = [state for state in STATES if (state == condition.state) == is_wanted]
    return _of_runs(project_id, _in_state(project_id, states))


def _in_state(project_id: int, states: list[str]) -> sa.ColumnElement[bool]:
    """Runs in one of these states, by what is stored: a stale run's status is still `running`."""
    stored = Run.status.in_([state for state in states if state != "stale"])
    if ("stale" in states) == ("running" in states):
        return stored
    is_stale = keyset.one_of(db.session.connection(), _runs.id, stale(project_id))
    return sa.or_(stored, is_stale) if "stale" in states else sa.and_(stored, sa.not_(is_stale))


_runs = Run.__table__.c


def _of_runs(project_id: int, condition: sa.ColumnElement[bool]) -> Selected:
    query = sa.select(_runs.id).where(_runs.project_id == project_id, condition)
    return Selected(db.session.connection(), [query], query)


def _config_value(project_id: int, condition: ConfigCondition) -> Selected:
    of_key = sa.select(_config.run_id).where(_config.key == condition.key)
    column: sa.ColumnElement
    value: float | str
    if isinstance(condition.value, float):
        column, other, value = _config.number, _config.text_key, condition.value
        is_same = column == value
    else:
        column, other, value = _config.text_key, _config.number, text_key(condition.value[:LONGEST_TEXT])
        # Texts that sort alike may differ: in capitals, say.
        is_same = (column == value) & (_config.text == condition.value[:LONGEST_TEXT])
    if condition.op == "=":
        parts = [is_same]
    elif condition.op == "!=":  # Also a value of the other type.
        parts = [column < value, column > value, (column == value) & sa.not_(is_same), other.is_not(None)]
    else:
        parts = [COMPARE[condition.op](column, value)]
    by_index = [of_key.where(_config.project_id == project_id, part) for part in parts]
    # Without the project, which single runs are of anyway: there are two indexes, and this is to take the run's.
    return Selected(db.session.connection(), by_index, of_key.where(sa.or_(*parts)))
