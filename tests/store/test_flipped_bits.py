"""One bit is turned at a time, anywhere in the tables that hold points: the doctor finds each one."""

import random
import struct
from math import isnan

import pytest
from sqlalchemy import BigInteger, Integer, SmallInteger, and_, select, update
from sqlalchemy.exc import IntegrityError

from aimanager.store import tables
from aimanager.store.upkeep import doctor
from tests.store.test_damage import database, small  # noqa: F401  # Fixtures.

FLIPS = 200
# The numbers of a writer's last request are its client's, and whose a run is, the run's own row says.
TABLES = [table for table in tables.OF_RUNS if table is not tables.metric_writer]
ELSEWHERE = {"project_id"}
WIDTHS = {SmallInteger: 16, Integer: 32, BigInteger: 64}


def width(column, value):
    """How many bits a value has."""
    if isinstance(value, bytes):
        return 8 * len(value)
    return 64 if isinstance(value, float) else WIDTHS[type(column.type)]


def flipped(column, value, bit):
    """The value with one bit turned."""
    size = width(column, value) // 8
    if isinstance(value, float):
        raw = struct.pack("<d", value)
    else:
        raw = value if isinstance(value, bytes) else value.to_bytes(size, "little", signed=True)
    raw = (int.from_bytes(raw, "little") ^ 1 << bit).to_bytes(size, "little")
    if isinstance(value, float):
        return struct.unpack("<d", raw)[0]
    return raw if isinstance(value, bytes) else int.from_bytes(raw, "little", signed=True)


def cells(database, run=1):  # noqa: F811
    """Each value of a run: table, key of the row, column, value."""
    flips = []
    with database.reading() as connection:
        for table in TABLES:
            for row in connection.execute(select(table).where(table.c.run_no == run)).mappings():
                key = {column: row[column] for column in table.primary_key}
                flips += [
                    (table, key, column, row[column])
                    for column in table.c
                    if row[column] is not None and column.name not in ELSEWHERE
                ]
    return flips


def put(database, table, key, column, value):  # noqa: F811
    where = and_(*(part == number for part, number in key.items()))
    with database.writing() as connection:
        assert connection.execute(update(table).where(where).values({column.name: value})).rowcount == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [7, 144202104, random.randrange(10**9)], ids=["fixed seed", "a rollup of no run", "random seed"]
)
def test_each_of_200_flipped_bits_is_found(database, seed):  # noqa: F811
    print(f"seed {seed}")
    chance, every, missed, flips = random.Random(seed), cells(database), [], 0
    sizes = [width(column, value) for _, _, column, value in every]
    while flips < FLIPS:
        ((table, key, column, value),) = chance.choices(every, sizes)
        bit = chance.randrange(width(column, value))
        other = flipped(column, value, bit)
        if isinstance(other, float) and (isnan(other) or other == value):
            continue  # SQLite keeps NaN as NULL, and -0.0 as 0.
        try:
            put(database, table, key, column, other)
        except IntegrityError:
            continue  # There is a row of that key already.
        flips += 1
        if not list(doctor.check(database)):
            missed.append((table.name, column.name, bit))
        put(database, table, {part: other if part is column else number for part, number in key.items()}, column, value)
    assert missed == []
    assert list(doctor.check(database)) == []
