"""The query language by itself: every query as text is read as the same query, and faults are named with their place."""

import re
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimanager.query import QueryError, parse, text_of
from aimanager.query.fields import OF, STATES
from aimanager.query.tree import Ago, And, Compare, Config, Exists, Fact, Metric, Not, OneOf, Or, Word

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12) | st.sampled_from(
    ['a"b', "\\", "and", "or", "x.min", "config.", "(", "a b", 'a\\"']
)
NUMBERS = st.floats(allow_nan=False)
SPANS = st.integers(0, 10**9).map(lambda milliseconds: timedelta(milliseconds=milliseconds))
TIMES = (
    st.dates(date(1970, 1, 1), date(2100, 1, 1)) | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)) | st.builds(Ago, SPANS)
)  # fmt: skip
METRICS = st.builds(Metric, TEXTS, st.sampled_from(OF))
CONFIGS = st.builds(Config, TEXTS)
ORDERED = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
LEAVES = st.one_of(
    st.builds(Word, TEXTS),
    st.builds(Compare, METRICS, ORDERED, NUMBERS),
    st.builds(Compare, CONFIGS, ORDERED, NUMBERS | TEXTS),
    st.builds(Compare, CONFIGS | st.just(Fact("name")), st.sampled_from(["~", "!~"]), TEXTS),
    st.builds(Compare, st.just(Fact("tags")), st.sampled_from(["has", "=", "!=", "~"]), TEXTS),
    st.builds(Compare, st.just(Fact("status")), st.sampled_from(["=", "!="]), st.sampled_from(STATES)),
    st.builds(Compare, st.sampled_from([Fact("created"), Fact("started"), Fact("ended")]), ORDERED, TIMES),
    st.builds(Compare, st.just(Fact("duration")), ORDERED, SPANS),
    st.builds(Compare, st.just(Fact("id")), ORDERED, st.integers(0, 10**12).map(float)),
    st.builds(Compare, st.just(Fact("archived")), st.sampled_from(["=", "!="]), st.booleans()),
    st.builds(OneOf, CONFIGS, st.lists(NUMBERS | TEXTS, min_size=1, max_size=3, unique=True).map(tuple), st.booleans()),
    st.builds(Exists, METRICS | CONFIGS | st.sampled_from([Fact("tags"), Fact("notes"), Fact("ended")])),
)


def joined(kind):
    """A tree of a kind as the parser makes it: no part is of the same kind."""

    def join(parts):
        flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
        return kind(tuple(flat))

    return join


TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(joined(And))
        | st.lists(inner, min_size=2, max_size=3).map(joined(Or))
        | inner.map(lambda part: part.part if isinstance(part, Not) else Not(part))
    ),
    max_leaves=5,
)


@settings(deadline=None)  # The first query loads the parser.
@given(TREES)
def test_every_query_as_text_is_read_as_the_same_query(tree):
    assert parse(text_of(tree)) == tree


@settings(deadline=None)  # The first query loads the parser.
@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from(["a", "(", ")", "and", "or", "not", "in", "<", "~", '"', ",", "1"])).map(" ".join)
)
def test_any_text_is_a_query_or_a_fault_with_a_place_in_it(text):
    place = 0
    try:
        parse(text)
    except QueryError as error:
        place = error.place
    assert 0 <= place <= len(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("adam baseline", 'adam and "baseline"'),
        ("ADAM val/acc>.9", 'metrics."val/acc".last > 0.9 and ADAM'),
        ("a or b c", "a or (b and c)"),
        ("not a b", "(not a) and b"),
        ("config.lr == 1", 'config."lr" = 1'),
        ("archived", "archived = true"),
        ("loss in (1,2)", "metrics.loss in (1, 2)"),
        ("config.lr NOT  IN (1)", "config.lr not in (1)"),
        ("duration > 90s", "duration > 1m30s"),
        ("order android", '"order" "android"'),
        ("in", '"in"'),
    ],
)  # fmt: skip
def test_a_query_can_be_written_in_two_ways(text, same):
    def parts(tree):
        return set(tree.parts) if isinstance(tree, And) else tree

    assert parts(parse(text)) == parts(parse(same))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a and", "expected a word or a condition, at letter 6"),
        ("(a or b", "expected a closing ), at letter 8"),
        ("a)", "expected an opening ( before ), at letter 2"),
        ('name ~ "res', "expected a closing quote, at letter 12"),
        ("config.lr in (1 2)", "expected a comma or a closing ), at letter 17"),
        ("config.lr in ()", "expected a value, at letter 15"),
        ("created > soon", "expected a time such as -7d or 2026-01-31 after >, at letter 10"),
        ("duration > long", "expected a duration such as 90s or 1h30m after >, at letter 11"),
        ("status = done", "expected running, stale, completed, failed or killed after =, at letter 9"),
        ("name has x", "expected =, !=, <, <=, >, >=, ~, !~ or in after name (for a metric of this name write metrics.name), at letter 6"),
        ("name exists", "expected =, !=, <, <=, >, >=, ~, !~ or in after name, at letter 6"),
        ("a ! b", "expected != or !~, at letter 3"),
        ("(a or not (" * 12 + "b" + "))" * 12, "expected at most 10 groups inside each other, at letter 1"),
        ("a " * 21, "expected at most 20 words and conditions, at letter 42"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place(text, fault):
    with pytest.raises(QueryError) as raised:
        parse(text)
    assert str(raised.value) == fault


DOCUMENT = (Path(__file__).parent.parent / "docs" / "query.md").read_text()
EXAMPLES = [line for block in re.findall(r"```\n(.*?)```", DOCUMENT, re.S) for line in block.splitlines()]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_documentation_are_queries(example):
    tree = parse(example)
    assert tree is not None
    assert parse(text_of(tree)) == tree
