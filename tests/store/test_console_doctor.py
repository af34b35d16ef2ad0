"""The doctor names what is wrong with console output: lines that are damaged, missing, counted otherwise, or nobody's."""

import random

import pytest
from sqlalchemy import delete, insert, select, update

from aimanager.store import SqlStore
from aimanager.store.chunks import checksum
from aimanager.store.console import Batch, Console, Line, Lines, chunk
from aimanager.store.console_tables import console_chunk, console_stream, console_writer
from aimanager.store.upkeep import doctor
from tests.store.factories import column, log, open_database

RUN = 1
START = 1_700_000_000_000_000


@pytest.fixture
def database(database_url):
    """A run with three chunks of console output, a progress bar that goes on, and colours."""
    database = open_database(database_url)
    console = Console(database, most=1 << 30)
    lines = [
        (
            Line(
                n % 2,
                n % 3 - 1,
                START + 1_234 * n,
                f"\x1b[31mline {n}\x1b[0m" if n % 7 == 0 else f"line {n} " + "x" * 90,
            ),
            False,
        )
        for n in range(3_000)
    ]
    console.append(RUN, 1, Lines.of([*lines, (Line(0, -1, START, "50%|###"), True)], "client", 1))
    assert count(database) == 3
    assert said(database) == []
    yield database
    database.engine.dispose()


def count(database):
    with database.reading() as connection:
        return len(connection.execute(select(console_chunk.c.line_lo)).all())


def said(database, runs=None):
    return [(fault.run, fault.place, fault.what) for fault in doctor.check(database, runs)]


def edges(database):
    """First and last lines of the chunks."""
    with database.reading() as connection:
        c = console_chunk.c
        rows = connection.execute(select(c.line_lo, c.n).where(c.run_no == RUN).order_by(c.line_lo)).all()
    return [(row.line_lo, row.line_lo + row.n - 1) for row in rows]


def second(database):
    """Where the second chunk is, as the doctor says it."""
    first, last = edges(database)[1]
    return f"console, lines {first} to {last}"


def change(database, statement):
    with database.writing() as connection:
        assert connection.execute(statement).rowcount == 1


def change_chunk(database, **values):
    """Change the second chunk."""
    first, _ = edges(database)[1]
    c = console_chunk.c
    change(database, update(console_chunk).where(c.run_no == RUN, c.line_lo == first).values(values))


def body_of(database):
    first, _ = edges(database)[1]
    with database.reading() as connection:
        return connection.scalar(select(console_chunk.c.body).where(console_chunk.c.line_lo == first))


def test_a_chunk_whose_checksum_does_not_match_is_named(database):
    body = bytearray(body_of(database))
    body[len(body) // 2] ^= 1
    change_chunk(database, body=bytes(body))
    assert said(database) == [(RUN, second(database), "they cannot be read: its checksum does not match")]


def test_a_chunk_that_was_cut_short_is_named(database):
    change_chunk(database, body=body_of(database)[:-9])
    assert said(database) == [(RUN, second(database), "they cannot be read: its checksum does not match")]


def test_a_chunk_of_something_else_with_a_good_checksum_is_named(database):
    change_chunk(database, body=checksum.add(b"no frame at all"))
    ((run, place, what),) = said(database)
    assert (run, place) == (RUN, second(database))
    assert what.startswith("they cannot be read: ")


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"size": 7}, "the row says 7 bytes of text"),
        ({"kinds": 1}, "the row says otherwise which streams are there"),
        ({"time_lo": START - 5_000}, "the row says other times"),
        ({"time_hi": START}, "the row says other times"),
    ],
)
def test_a_row_that_says_otherwise_than_its_lines_is_named(database, values, what):
    place = second(database)
    change_chunk(database, **values)
    assert any(fault[1] == place and what in fault[2] for fault in said(database))


def test_a_row_with_another_count_than_its_lines_is_named(database):
    first, last = edges(database)[1]
    change_chunk(database, n=last - first + 2)
    faults = said(database)
    assert (
        RUN,
        f"console, lines {first} to {last + 1}",
        f"the row says {last - first + 2} lines, and there are {last - first + 1}",
    ) in faults


def test_lines_that_are_missing_between_two_chunks_are_named(database):
    (first, last), place = edges(database)[1], second(database)
    change(database, delete(console_chunk).where(console_chunk.c.line_lo == first))
    assert (RUN, place, "they are not there") in said(database)
    assert (first, last) not in edges(database)


def test_lines_that_are_missing_at_the_beginning_and_at_the_end_are_named(database):
    (_, last), _, (tail, end) = edges(database)
    change(database, delete(console_chunk).where(console_chunk.c.line_lo == 1))
    change(database, delete(console_chunk).where(console_chunk.c.line_lo == tail))
    places = [place for _, place, what in said(database) if what == "they are not there"]
    assert places == [f"console, lines 1 to {last}", f"console, lines {tail} to {end}"]


def test_chunks_that_overlap_are_named(database):
    first, last = edges(database)[1]
    copy = chunk.pack(Batch.of([Line(0, -1, START, "again")]), full=True)
    row = {
        "run_no": RUN,
        "line_lo": last,
        "n": 1,
        "time_lo": START,
        "time_hi": START,
        "size": 6,
        "kinds": 1,
        "body": copy,
    }
    with database.writing() as connection:
        connection.execute(insert(console_chunk), [row])
    assert (
        RUN,
        f"console, lines {last} to {last}",
        f"they begin before line {last} of the chunk before, which is its last",
    ) in said(database)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"lines": 5_000}, "they are not there"),
        ({"lines": 10}, "it has lines up to 3001, the run's row says 10"),
        ({"bytes": 10}, "bytes of text, the run's row says 10"),
        ({"kinds": 1}, "the run's row says otherwise which streams it has"),
        ({"ranks": "[0]"}, "the run's row does not name all of its ranks"),
        ({"ranks": "[0"}, "where its processes go on writing cannot be read"),
        ({"cursors": '{"0:-1": {"rows": [9999], "over": false, "colours": ""}}'}, "a process goes on writing in line 9999"),
        ({"cursors": '{"0:-1": {"columns": 3}}'}, "where its processes go on writing cannot be read"),
        ({"left_out": -1}, "-1 lines were left out"),
    ],
)  # fmt: skip
def test_a_run_whose_row_says_otherwise_than_its_chunks_is_named(database, values, what):
    change(database, update(console_stream).where(console_stream.c.run_no == RUN).values(values))
    assert any(what in fault[2] for fault in said(database))


def test_chunks_of_a_run_that_has_no_row_are_named(database):
    change(database, delete(console_stream))
    assert (RUN, "console", "it has lines up to 3001, but the run has none") in said(database)
    assert (RUN, "console, client 'client'", "it sent lines, but the run has none") in said(database)


def test_a_run_with_a_row_and_no_chunks_is_named(database):
    with database.writing() as connection:
        connection.execute(delete(console_chunk))
    assert (RUN, "console, lines 1 to 3001", "they are not there") in said(database)


def test_a_client_whose_last_line_is_not_there_is_named(database):
    change(database, update(console_writer).values(last_line=4_000))
    assert said(database) == [(RUN, "console, client 'client'", "its batch 1 ends with line 4000, which is not there")]


def test_chunks_of_a_run_that_is_being_deleted_are_no_fault(database):
    store = SqlStore(database)
    with database.writing() as connection:
        connection.execute(delete(console_stream))  # It goes with the run's own row.
    store.delete([RUN])
    assert said(database) == []
    with pytest.raises(doctor.NoPoints):
        said(database, [RUN])


def test_a_run_that_has_console_output_and_no_points_is_examined_and_others_are_not_blamed(database):
    log(SqlStore(database), 2, column("a", range(100)))
    change_chunk(database, size=7)
    assert said(database, [2]) == []
    assert {run for run, *_ in said(database, [RUN])} == {RUN}


def test_pauses_that_were_shortened_are_no_fault(database):
    lines = [(Line(0, -1, time, "x"), False) for time in (START, START + 10**15, START + 2 * 10**15)]
    Console(database, most=1 << 30).append(2, 1, Lines.of(lines))
    assert said(database, [2]) == []


def test_each_flipped_bit_of_a_chunk_and_its_row_is_noticed(database):
    chance = random.Random(3)
    first, _ = edges(database)[1]
    c = console_chunk.c
    with database.reading() as connection:
        row = dict(connection.execute(select(console_chunk).where(c.line_lo == first)).mappings().one())
    flips = [("body", bit) for bit in chance.sample(range(8 * len(row["body"])), 60)]
    flips += [(name, bit) for name in ("n", "size", "kinds") for bit in range(15)]
    flips += [
        (name, bit) for name in ("time_lo", "time_hi") for bit in range(12, 50)
    ]  # Below a millisecond nothing is known.
    for name, bit in flips:
        value = bytearray(row[name]) if name == "body" else row[name] ^ 1 << bit
        if name == "body":
            value[bit // 8] ^= 1 << bit % 8
        change_chunk(database, **{name: bytes(value) if name == "body" else value})
        assert said(database) != [], (name, bit)
        change_chunk(database, **{name: row[name]})
    assert said(database) == []
