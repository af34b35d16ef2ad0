"""A program to be killed: logs numbered requests of two metrics to run 1 and prints each number once it is stored."""

import itertools
import sys

from aimanager.store import SqlStore
from tests.store.factories import column, log, open_database

store = SqlStore(open_database(sys.argv[1], create=False))
for seq in itertools.count(int(sys.argv[2])):
    log(store, 1, column("a", [seq] * 3), column("b", [seq] * 3), writer="w", seq=seq)
    print(seq, flush=True)
