"""Random filters over random runs find what a plain evaluation of the filter finds, in every order and over pages."""

import operator
import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import inf, isnan
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aimanager.extensions import database, db, metric_store
from aimanager.models import Run, natural_order
from aimanager.models.base import now
from aimanager.models.run_config import flat, typed
from aimanager.query import text_of
from aimanager.query.fields import OF
from aimanager.query.tree import Ago, And, Compare, Config, Exists, Fact, Metric, Not, OneOf, Or, Word, fields
from aimanager.services.run_list import filters, order, pages
from aimanager.services.run_list.direction import better

RUNS = 40
MOMENT = datetime(2026, 3, 10, 12)
OPS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
NAMES = [
    "adam",
    "Adam",
    "ADAM 2",
    "adam-10",
    "run 9",
    "run 10",
    "ru%n_1",
    "größe",
    "GRÖSSE",
    "fail",
    'a "quoted" one',
    "x" * 200,
]
TAGS = ["baseline", "Baseline", "old one", "tag-9", "tag-10", "ße", "a,b", "running"]
NUMBERS = [0.0, -0.0, 1.0, 2.0, 0.1, -3.5, 1e300, inf, -inf]
TEXTS = [
    "adam",
    "Adam",
    "sgd",
    "true",
    "1",
    "0.1",
    "net-9",
    "net-10",
    "[1,2]",
    "ß",
    "a\nb",
    "y" * 300,
    "y" * 249 + "z",
    "",
]
CONFIG_VALUES = [0, 1, 2, 0.1, -3.5, 1e300, True, False, None, [1, 2], {}, *TEXTS]
KEYS = ["lr", "net.width", "a b", "none"]
METRICS = ["val/loss", "acc", "x.min", "none"]
TIMES = [MOMENT - timedelta(days=days, hours=hours) for days in (0, 1, 2, 30) for hours in (0, 1, 12)]


@dataclass(frozen=True)
class Row:
    """A run as the evaluation sees it."""

    id: int
    facts: dict[str, Any]
    config: dict[str, Any]
    metrics: dict[str, dict[str, float]]


# The plain evaluation


def passes(tree, row: Row) -> bool:
    if row.facts["trashed"]:
        return False
    return meets(tree, row) and (Fact("archived") in fields(tree) or not row.facts["archived"])


def meets(node, row: Row) -> bool:
    match node:
        case And(parts):
            return all(meets(part, row) for part in parts)
        case Or(parts):
            return any(meets(part, row) for part in parts)
        case Not(part):
            return not meets(part, row)
        case Word(text):
            places = [row.facts["name"], *row.facts["tags"], row.facts["status"]]
            return any(text.casefold() in place.casefold() for place in places)
        case Exists(field):
            value = value_of(field, row)
            return value is not None and value not in ([], "")
        case OneOf(field, values, negated):
            value = value_of(field, row)
            if value is None:
                return False
            return any(compared(field, value, "=", one) for one in values) != negated
        case Compare(field, op, value):
            own = value_of(field, row)
            return own is not None and compared(field, own, op, value)
    raise TypeError(node)


def value_of(field, row: Row) -> Any:
    if isinstance(field, Config):
        number, text = typed(row.config.get(field.key))
        return text[:250] if text is not None else number
    if isinstance(field, Metric):
        return row.metrics.get(field.name, {}).get(field.of)
    return row.facts[field.name]


def compared(field, own: Any, op: str, value: Any) -> bool:
    if field == Fact("tags"):
        if op in ("!=", "!~"):
            return not compared(field, own, {"!=": "=", "!~": "~"}[op], value)
        return any(value.casefold() in tag.casefold() for tag in own) if op == "~" else value in own
    if op in ("~", "!~"):
        return isinstance(own, str) and (value.casefold() in own.casefold()) == (op == "~")
    if isinstance(value, Ago):
        value = MOMENT - value.span
    elif isinstance(value, date) and not isinstance(value, datetime):
        own = own.date()
    if op == "=" or op == "!=":
        same = type(own) is type(value) and own == (
            value[:250] if isinstance(field, Config) and isinstance(value, str) else value
        )
        return same == (op == "=")
    if isinstance(field, Config):
        if type(own) is not type(value):
            return False
        if isinstance(own, str):
            own, value = sorted_text(own), sorted_text(value[:250])
    if field == Fact("name"):
        own, value = natural_order.key(own), natural_order.key(value)
    return OPS[op](own, value)


def sorted_text(text: str) -> tuple[str, bool, str]:
    """As people sort; texts that are the same to them begin with the one in small letters."""
    key = natural_order.key(text[:100])
    return key, key != text, text


# Random filters


def compare(field, ops, values):
    return st.builds(Compare, field, st.sampled_from(ops), values)


ORDERED, EQUAL, LIKE = [*OPS], ["=", "!="], ["~", "!~"]
PART = st.sampled_from(
    ["a", "ADAM", "1", "ß", "SS", "%", "_", "n", "x" * 5, "-1", "one", "running", "\n", "zzz", "1,2"]
)
CONFIG, METRIC = (
    st.builds(Config, st.sampled_from(KEYS)),
    st.builds(Metric, st.sampled_from(METRICS), st.sampled_from(OF)),
)
NUMBER = st.sampled_from(NUMBERS)
TEXT = st.sampled_from([text for text in TEXTS if text])
MIXED = NUMBER | TEXT
STATE = st.sampled_from(["running", "stale", "completed", "failed", "killed"])
TIME = (
    st.sampled_from(TIMES)
    | st.sampled_from([time.date() for time in TIMES])
    | st.sampled_from([Ago(timedelta(hours=hours)) for hours in (0, 1, 24, 25, 800)])
)
ID = st.integers(0, RUNS + 2).map(float)


def one_of(field, values):
    return st.builds(OneOf, field, st.lists(values, min_size=1, max_size=3, unique=True).map(tuple), st.booleans())


def fact(name):
    return st.just(Fact(name))


LEAVES = st.one_of(
    st.builds(Word, PART),
    compare(METRIC, ORDERED, NUMBER),
    one_of(METRIC, NUMBER),
    compare(CONFIG, ORDERED, MIXED),
    compare(CONFIG, LIKE, PART),
    one_of(CONFIG, MIXED),
    st.builds(Exists, METRIC | CONFIG | st.sampled_from([Fact("tags"), Fact("notes"), Fact("ended")])),
    compare(fact("name"), ORDERED, st.sampled_from(NAMES)),
    compare(fact("name") | fact("tags"), LIKE, PART),
    compare(fact("notes"), LIKE, st.sampled_from(["noted", "OTE", "was", "e", 'd "t', "zzz", "\n", "SS %_"])),
    compare(fact("tags"), ["has", *EQUAL], st.sampled_from(TAGS)),
    one_of(fact("name"), st.sampled_from(NAMES)),
    one_of(fact("tags"), st.sampled_from(TAGS)),
    compare(fact("status"), EQUAL, STATE),
    one_of(fact("status"), STATE),
    compare(st.sampled_from([Fact("created"), Fact("started"), Fact("ended")]), ORDERED, TIME),
    compare(fact("duration"), ORDERED, st.sampled_from([timedelta(hours=hours) for hours in (0, 1, 2, 24, 49)])),
    compare(fact("id"), ORDERED, ID),
    one_of(fact("id"), ID),
    compare(fact("archived"), EQUAL, st.booleans()),
)


def joined(kind, parts):
    return kind(tuple(inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))))


TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: joined(And, parts))
        | st.lists(inner, min_size=2, max_size=3).map(lambda parts: joined(Or, parts))
        | inner.map(lambda part: part.part if isinstance(part, Not) else Not(part))
    ),
    max_leaves=6,
)
KEY = st.sampled_from(
    ["name", "tags", "duration", "status", "created", 'metrics."val/loss".mean', "metrics.acc.best", "config.lr", 'config."a b"', "metrics.none"]
)  # fmt: skip
SORT = st.lists(st.builds(str.__add__, st.sampled_from(["", "-"]), KEY), min_size=1, max_size=3).map(",".join)


# Random runs


@pytest.fixture
def rows(app, alice, make_project, make_run, make_points, monkeypatch):
    """A project with all kinds of runs, read at one moment, and what they are."""
    chance = random.Random(20260310)
    project = make_project(alice)
    changes = {}
    for _ in range(RUNS):
        config = {
            "lr": chance.choice(CONFIG_VALUES),
            "net": {"width": chance.choice(CONFIG_VALUES)},
            "a b": chance.choice(CONFIG_VALUES),
        }
        for key in chance.sample([*config], chance.choice([0, 0, 1, 3])):
            del config[key]
        tags, notes = (
            chance.sample(TAGS, chance.choice([0, 1, 1, 2, 4])),
            chance.choice(["", "", "noted", 'It was\nNoted "there"', "ß %_ adam"]),
        )
        run = make_run(alice, project, name=chance.choice(NAMES), config=config, tags=tags, notes=notes)
        for name in METRICS[:3]:
            points = [
                chance.choice([*NUMBERS[:6], "NaN", "Infinity", "-Infinity"]) for _ in range(chance.choice([0, 1, 3]))
            ]
            if points:
                make_points(alice, run, **{name: points})
        start, lasted = chance.choice(TIMES), timedelta(hours=chance.choice([0, 1, 2, 24, 48]))
        status = chance.choice(["running", "stale", "completed", "failed", "killed"])
        ended = None if status in ("running", "stale") else start + lasted
        # What was put into the trash long ago would be purged meanwhile: that time is the real one.
        changes[run] = {
            "status": "running" if status == "stale" else status, "created_at": chance.choice(TIMES), "started_at": start,
            "ended_at": ended, "end_received_at": ended, "lasted": None if ended is None else lasted // timedelta(microseconds=1),
            "alive_at": None if status == "stale" else datetime(2999, 1, 1), "trashed_at": chance.choice([None] * 9 + [now()]),
            "archived_at": chance.choice([None] * 4 + [start]),
        }  # fmt: skip
    with app.app_context(), database.writing() as connection:
        for run, values in changes.items():
            connection.execute(sa.update(Run.__table__).where(Run.__table__.c.id == run).values(**values))
        # Points came just now: those of a run that is to be stale came long ago.
        for run, values in changes.items():
            if values["alive_at"] is None:
                connection.execute(sa.text("UPDATE metric_stream SET heard_at = 1 WHERE run_no = :run"), {"run": run})
    monkeypatch.setattr("aimanager.services.run_list.pages.now", lambda: MOMENT)
    with app.app_context():
        if database.generation:
            database.generation.count_up()  # As services do: what was remembered of the project is no longer so.
        yield project, [as_row(run, changes[run.id]) for run in db.session.scalars(sa.select(Run)).all()]
        db.session.rollback()


def as_row(run: Run, changed: dict[str, Any]) -> Row:
    status = "stale" if run.status == "running" and changed["alive_at"] is None else run.status
    lasted = MOMENT - run.started_at if run.lasted is None else timedelta(microseconds=run.lasted)
    facts = {
        "name": run.name, "tags": run.tags, "status": status, "created": run.created_at, "started": run.started_at, "ended": run.ended_at,
        "duration": lasted, "id": float(run.id), "archived": run.archived_at is not None, "notes": run.notes,
        "trashed": run.trashed_at is not None,
    }  # fmt: skip
    metrics = {}
    for name, cell in metric_store.cells([run.id])[run.id].items():
        values = {of: getattr(cell, better(name) if of == "best" else of) for of in OF}
        metrics[name] = {of: value for of, value in values.items() if value is not None and not isnan(value)}
    return Row(run.id, facts, dict(flat(run.config)), metrics)


@pytest.mark.slow
@pytest.mark.parametrize("few", [2000, 3], ids=["few runs are looked up", "all are walked to"])
def test_a_filter_finds_what_a_plain_evaluation_finds(rows, alice, monkeypatch, pytestconfig, few):
    project, every = rows
    monkeypatch.setattr("aimanager.db.matching.FEW", few)
    if few == 3:
        for bound in ("PROBED", "MOST_TRIED"):
            monkeypatch.setattr(f"aimanager.db.keyset.{bound}", few)
        for bound in ("TRIED", "MOST_TRIED", "MOST_OF_REST"):
            monkeypatch.setattr(f"aimanager.db.matching.{bound}", few)
        monkeypatch.setattr("aimanager.services.run_list.conditions._TRIED_FOR_WORDS", few)

    @settings(
        max_examples=60 * (20 if pytestconfig.getoption("--thorough") else 1), deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(TREES, SORT)
    def check(tree, sort):
        where, by = filters.read(text_of(tree)), order.read_keys([sort])
        expected = {row.id for row in every if passes(tree, row)}
        assert set(pages.passing(project, where).tolist()) == expected
        whole = [run.id for run in pages.page(alice.principal, project, by, where, limit=RUNS).items]
        assert set(whole) == expected
        assert len(whole) == len(expected)
        paged, after = [], None
        while True:
            page = pages.page(alice.principal, project, by, where, after, 5)
            paged += [run.id for run in page.items]
            if not (after := page.next_cursor):
                break
        assert paged == whole
        db.session.rollback()

    check()
