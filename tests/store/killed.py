"""A program to be killed: logs numbered requests of two metrics to run 1, seals beside that, and prints each number
once it is stored."""

import itertools
import sys
import threading

from aimanager.store import SqlStore, layout, merge, seal
from tests.store.factories import column, log, open_database

# Small, so that a kill may well come in the middle of sealing, merging or rolling up.
seal.TAIL_ROWS, merge._MANY = 16, 2
layout.CHUNK, layout.NODE, layout.ROLLUP, layout.LARGE = 64, 16, 2, 40
store = SqlStore(open_database(sys.argv[1], create=False))


def tidy():
    while True:
        store.tidy(wait=0.01)


threading.Thread(target=tidy, daemon=True).start()
for seq in itertools.count(int(sys.argv[2])):
    rows = 40 if seq % 10 == 0 else 3
    log(store, 1, column("a", [seq] * rows), column("b", [seq] * rows), writer="w", seq=seq)
    print(seq, flush=True)
