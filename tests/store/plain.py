"""A run beside a plain list of its points: every operation on both, then everything compared."""

import numpy as np

from aimanager.store import Column, SqlStore
from tests.store.contract import ODD_FLOATS
from tests.store.factories import listed, log

NAMES = ["loss", "acc", "lr"]
NUMBER = {name: i for i, name in enumerate(NAMES)}


class Plain:
    """`points` is (id, metric, step, bits, time) in the order of arrival."""

    def __init__(self, database, run=1, seed=0, ordered=True):
        self.database, self.run, self.ordered = database, run, ordered
        self.rng = np.random.default_rng(seed)
        self.points, self.seq, self.sent, self.time = [], 0, None, 10**15
        self.reopen()

    def reopen(self):
        self.store = SqlStore(self.database)

    def columns(self, rows, names):
        rng, kind = self.rng, self.rng.integers(4)
        before = len(self.points)
        steps = np.arange(before, before + rows) if kind < 3 else rng.integers(-50, 50, rows)
        times = self.time + np.cumsum(rng.integers(0, 200_000, rows))
        if not self.ordered and kind == 1:
            times = rng.permutation(times)
        self.time = int(times.max())
        values = [rng.normal(size=rows), rng.normal(size=rows).astype("f4").astype("f8"), rng.integers(0, 9, rows) / 8]
        columns = []
        for name in names:
            column = values[rng.integers(3)].copy()
            if kind == 2:
                column[rng.integers(rows, size=3)] = rng.choice(ODD_FLOATS, 3)
            columns.append(Column(name, column.astype(np.float64), steps, times))
        return columns

    def add(self, rows=1, names=NAMES):
        columns = self.columns(rows, names)
        self.seq += 1
        receipt = log(self.store, self.run, *columns, writer="w", seq=self.seq, fingerprint=b"%16d" % self.seq)
        assert receipt.first_id == len(self.points) + 1
        block = np.stack([np.broadcast_to(columns[0].steps, rows), columns[0].times], 1).tolist()
        bits = [column.values.view(np.int64).tolist() for column in columns]
        for row, (step, time) in enumerate(block):
            for position, name in enumerate(names):
                self.points.append((len(self.points) + 1, name, step, bits[position][row], time))
        assert receipt.last_id == len(self.points)
        self.sent = columns

    def replay(self):
        receipt = log(self.store, self.run, *self.sent, writer="w", seq=self.seq, fingerprint=b"%16d" % self.seq)
        assert receipt.repeated

    def few(self):
        for _ in range(int(self.rng.integers(1, 30))):
            self.add(int(self.rng.integers(1, 4)), NAMES[: self.rng.integers(1, 4)])

    def step(self):
        """One operation at random."""
        sealer = self.store.upkeep.sealer
        choice = [
            self.few,
            self.few,
            lambda: self.add(100),
            lambda: self.add(int(self.rng.integers(512, 9000)), NAMES[: self.rng.integers(1, 4)]),
            self.replay if self.sent else self.few,
            lambda: sealer.seal(self.run),
            lambda: sealer.merge(self.run),
            lambda: sealer.tidy(self.run),
            lambda: self.store.finish(self.run),
            lambda: self.store.resume(self.run),
            self.reopen,
        ]
        choice[self.rng.integers(len(choice))]()

    def expected(self, name=None):
        matching = [point for point in self.points if name in (None, point[1])]
        return sorted(matching, key=lambda point: (point[4], point[0]))

    def check(self):
        assert listed(self.store, self.run, limit=10**9) == self.expected()
        for name in NAMES:
            series, expected = self.store.series(self.run, name), self.expected(name)
            if series is None:
                assert not expected
                continue
            stored = zip(
                series.ids.tolist(),
                series.steps.tolist(),
                series.values.view(np.int64).tolist(),
                series.times.tolist(),
                strict=True,
            )
            assert list(stored) == [(point_id, step, bits, time) for point_id, _, step, bits, time in expected]
