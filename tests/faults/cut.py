"""A program to be killed: logs numbered requests of two metrics to run 1 and seals now and then; prints each number and
how many bytes of SQLite's write-ahead log are in use once it is stored."""

import itertools
import sys
from pathlib import Path

from sqlalchemy import event

from aimanager.store import SqlStore
from aimanager.store.chunks import layout
from aimanager.store.upkeep import merge
from tests.store.factories import column, log, open_database

HEAD, FRAME = 32, 24 + 4096


def used(wal: bytes) -> int:
    """The bytes of the frames that belong to this turn of the log: those that begin it and have its salts."""
    end = HEAD
    while wal[end + 8 : end + 16] == wal[16:24] and len(wal) >= end + FRAME:
        end += FRAME
    return end


def main(url, path, most):
    merge._MANY = 2
    layout.CHUNK, layout.NODE, layout.ROLLUP, layout.LARGE = 64, 16, 2, 40
    database = open_database(url)
    # The log begins anew after 50 pages, not 1000.
    event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA wal_autocheckpoint=50"))
    database.engine.dispose()
    store = SqlStore(database)
    for seq in itertools.count(1):
        rows = 40 if seq % 10 == 0 else 3
        log(store, 1, column("a", [seq] * rows), column("b", [seq] * rows), writer="w", seq=seq)
        print(seq, used(Path(path).read_bytes()), flush=True)
        if seq == int(most):
            sys.stdin.read()
        if seq % 7 == 0:
            store.upkeep.sealer.tidy(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
