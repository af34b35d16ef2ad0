"""A filter as conditions that a page of runs is looked for with: each finds its runs by an index, and tries single ones."""

from __future__ import annotations

import sqlalchemy as sa

from ...db import keyset
from ...db.keyset import Selected
from ...extensions import db, metric_store
from ...models import Run, RunConfig
from ...models.run_config import text_key
from ...store.shapes import COMPARE
from .. import runs
from .filters import ConfigCondition, Filter, StatusCondition
from .states import STATES

_runs, _config = Run.__table__.c, RunConfig.__table__.c


def conditions(project_id: int, where: Filter) -> list[keyset.Condition]:
    """What a run of the project must fulfil besides having the words."""
    return [
        _config_value(project_id, one) if isinstance(one, ConfigCondition)
        else _status(project_id, one) if isinstance(one, StatusCondition)
        else metric_store.condition(db.session.connection(), project_id, one)
        for one in where.conditions
    ]  # fmt: skip


def has_words(where: Filter) -> list[sa.ColumnElement[bool]]:
    """The same for the words, of which each is in the name, a tag or the state. No index helps: runs are tried one by one,
    where the order has their rows at hand as a part of its own select."""
    clauses = []
    for word in map(str.casefold, where.words):
        states = [state for state in STATES if word in state]
        clauses.append(sa.or_(_runs.words.contains(word, autoescape=True), _in_state(states)))
    return clauses


def with_words(project_id: int, where: Filter) -> list[keyset.Condition]:
    """The words as a condition, for the other orders; none where there are no words."""
    return [of_runs(project_id, *has_words(where))] if where.words else []


def _status(project_id: int, condition: StatusCondition) -> Selected:
    is_wanted = condition.op == "="
    states = [state for state in STATES if (state == condition.state) == is_wanted]
    return of_runs(project_id, _in_state(states))


def _in_state(states: list[str]) -> sa.ColumnElement[bool]:
    """Runs in one of these states, by what is stored: a stale run's status is still `running`."""
    stored = _runs.status.in_([state for state in states if state != "stale"])
    if states == ["stale"]:  # Without the others an index serves it.
        return runs.is_stale()
    if ("stale" in states) == ("running" in states):
        return stored
    return sa.or_(stored, runs.is_stale()) if "stale" in states else sa.and_(stored, sa.not_(runs.is_stale()))


def of_runs(project_id: int, *conditions: sa.ColumnElement[bool]) -> Selected:
    query = sa.select(_runs.id).where(_runs.project_id == project_id, *conditions)
    return Selected(db.session.connection(), [query], query)


def _config_value(project_id: int, condition: ConfigCondition) -> Selected:
    of_key = sa.select(_config.run_id).where(_config.key == condition.key)
    column: sa.ColumnElement
    value: float | str
    if isinstance(condition.value, float):
        column, other, value = _config.number, _config.text, condition.value
    else:
        column, other, value = _config.text, _config.number, text_key(condition.value)
    if condition.op == "!=":  # Also a value of the other type.
        parts = [column < value, column > value, other.is_not(None)]
    else:
        parts = [COMPARE[condition.op](column, value)]
    by_index = [of_key.where(_config.project_id == project_id, part) for part in parts]
    # Without the project, which single runs are of anyway: there are two indexes, and this is to take the run's.
    return Selected(db.session.connection(), by_index, of_key.where(sa.or_(*parts)))
