"""How soon clients should send their next batch: at once while few runs are live, seldom when thousands are.

Each process measures what a request costs it, and counts the runs that write to it. Were all of them to send at the
advised pause, they would keep it busy for half of its time. A user's runs together also stay within the user's budget
of requests, so that a client that obeys is never refused.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable

from limits import parse_many

QUIET, WATCHED = 0.25, 0.2  # Seconds: the least pause, and the least where somebody looks at the run.
LONGEST_FOR_LOAD = 10.0  # The server's load alone never asks for more; a user's budget may.
LONGEST = 600.0
HALF = 0.5  # The share of its speed that the server gives to clients that send as advised.
OF_BUDGET = 0.8  # The share of a user's budget that is given out: windows and clocks do not fit to the request.
SPREAD = 0.25  # Pauses of different runs differ by up to this share, so that they do not all send at once.
FORGET_AFTER = 25.0  # Seconds after which a run that sent nothing counts no more, if its pause was not longer.
# CPU-seconds of one request, before any was measured, and its bounds.
FIRST_COST, LEAST_COST, GREATEST_COST = 0.002, 0.0002, 0.05
SAMPLE_REQUESTS, SAMPLE_SECONDS, OLD_SAMPLE = 50, 0.5, 5.0
_GOLDEN = 0.6180339887498949


class FlushPacing:
    """The pauses that one of `processes` advises to its clients. Thread-safe.

    `limits` are what one user may send, such as "1200/minute"; `clock` and `cpu_clock` count seconds.
    """

    def __init__(
        self,
        processes: int = 1,
        cores: int = 1,
        limits: str = "",
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._clock, self._cpu_clock = clock, cpu_clock
        self._processes = processes
        self._capacity = HALF * min(1.0, cores / processes)  # CPU-seconds a second that are ours to give.
        rates = [item.amount / item.get_expiry() for item in (parse_many(limits) if limits else ())]
        self._user_rate = OF_BUDGET * min(rates, default=math.inf) / processes
        self._lock = threading.Lock()
        self._cost = FIRST_COST
        self._requests = self._newcomers = 0
        self._arrivals = 0.0  # Runs that begin to write, a second.
        self._sample_from, self._cpu_from = clock(), cpu_clock()
        self._owner_of: dict[int, int] = {}  # The runs that write, the one that goes first being forgotten first.
        self._forget_at: dict[int, float] = {}
        self._runs_of: Counter[int] = Counter()
        self._look_at = 0.0

    @property
    def cost(self) -> float:
        """CPU-seconds that a request takes, as measured lately."""
        return self._cost

    def after_request(
        self, run: int, user: int, watched: bool = False, remaining: int | None = None, window_ends_in: float = 0.0
    ) -> int:
        """Milliseconds until the run should send its next batch, now that it sent one.

        `remaining` requests are left of the user's budget for `window_ends_in` seconds, None where that is not counted.
        """
        with self._lock:
            now = self._clock()
            self._measure(now)
            if run not in self._owner_of:
                self._owner_of[run] = user
                self._runs_of[user] += 1
                self._newcomers += 1
            self._forget(now)
            pause = self._pause(run, user, watched, remaining, window_ends_in)
            self._forget_at[run] = now + max(FORGET_AFTER, 2 * pause)
            return math.ceil(1000 * pause)

    def after_heartbeat(self, run: int, user: int, watched: bool = False) -> int:
        """The same for a run that sent no points."""
        with self._lock:
            self._forget(self._clock())
            return math.ceil(1000 * self._pause(run, user, watched, None, 0.0))

    def _pause(self, run: int, user: int, watched: bool, remaining: int | None, window_ends_in: float) -> float:
        runs_of_user = max(1, self._runs_of[user])
        # Who comes during the pause will have to be served too.
        room = self._capacity - self._arrivals * self._cost
        runs = max(1, len(self._owner_of))
        for_load = min(runs * self._cost / room, LONGEST_FOR_LOAD) if room > 0 else LONGEST_FOR_LOAD
        for_budget = runs_of_user / self._user_rate
        if remaining is not None:
            # The other processes' requests, and those that came too soon, are counted in what is left.
            left = OF_BUDGET * remaining
            needed = runs_of_user * self._processes * window_ends_in
            for_budget = max(for_budget, min(needed / left if left else math.inf, window_ends_in + for_budget))
        pause = max(for_load, for_budget)
        floor = WATCHED if watched else QUIET
        if pause <= floor:
            return floor
        spread = 1 + SPREAD * (run * _GOLDEN % 1)
        return min(max(floor, min(for_load * spread, LONGEST_FOR_LOAD), for_budget * spread), LONGEST)

    def _measure(self, now: float) -> None:
        """Average what requests cost and how many runs begin, over windows with enough of them; all that this process does counts as theirs."""
        self._requests += 1
        elapsed = now - self._sample_from
        if self._requests < SAMPLE_REQUESTS and elapsed < OLD_SAMPLE:
            return
        if elapsed < SAMPLE_SECONDS:
            return
        cpu = self._cpu_clock()
        if self._requests >= SAMPLE_REQUESTS and elapsed < 2 * OLD_SAMPLE:
            measured = (cpu - self._cpu_from) / self._requests
            self._cost += 0.3 * (min(max(measured, LEAST_COST), GREATEST_COST) - self._cost)
        self._arrivals += 0.5 * (self._newcomers / elapsed - self._arrivals)
        self._requests, self._newcomers, self._sample_from, self._cpu_from = 0, 0, now, cpu

    def _forget(self, now: float) -> None:
        """Count no more who sent nothing for long; looked for once a second."""
        if now < self._look_at:
            return
        self._look_at = now + 1.0
        for run, until in list(self._forget_at.items()):
            if until < now:
                del self._forget_at[run]
                user = self._owner_of.pop(run)
                self._runs_of[user] -= 1
                if not self._runs_of[user]:
                    del self._runs_of[user]
