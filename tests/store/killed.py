"""A program to be killed: logs numbered requests of two metrics to run 1, seals beside that, and prints each number
once it is stored. A byte of a file says what the transaction that is open just now is for, as in WORK."""

import itertools
import mmap
import sys
import threading
from contextlib import contextmanager

from aimanager.db.engine import Database
from aimanager.store import SqlStore
from aimanager.store.chunks import layout
from aimanager.store.upkeep import merge
from tests.store.factories import column, log, open_database
from tests.waiting import pace

WORK = ["nothing", "seal", "merge", "roll up"]


class Told(Database):
    """Tells while a transaction is open, the commit included."""

    work = "nothing"

    def __init__(self, database, told):
        self.__dict__ |= database.__dict__
        self._told = told

    @contextmanager
    def writing(self):
        try:
            with super().writing() as connection:
                self._told[0] = WORK.index(self.work)
                yield connection
        finally:
            self._told[0] = 0


def main(url, first, path):
    # Small, so that there is always something to seal, to merge and to roll up.
    merge._MANY = 2
    layout.CHUNK, layout.NODE, layout.ROLLUP, layout.LARGE = 64, 16, 2, 40
    database = open_database(url, create=False)
    with open(path, "r+b") as file:
        told = Told(database, mmap.mmap(file.fileno(), 1))
    sealer = SqlStore(told).upkeep.sealer

    def tidy():
        while True:
            told.work = "seal"
            sealer.seal(1)
            told.work = "merge"
            sealer.merge(1)
            told.work = "roll up"
            sealer.roll_up(1)
            pace(0.002)

    threading.Thread(target=tidy, daemon=True).start()
    store = SqlStore(database)
    for seq in itertools.count(int(first)):
        rows = 40 if seq % 10 == 0 else 3
        log(store, 1, column("a", [seq] * rows), column("b", [seq] * rows), writer="w", seq=seq)
        print(seq, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
