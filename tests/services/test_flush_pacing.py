"""The pause that clients are advised: short for few, longer for many, never more than the server or a user's budget bears."""

import heapq
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimanager.services.flush_pacing import FlushPacing


class Clock:
    def __init__(self):
        self.now = self.cpu = 0.0


def pacing_of(clock, **options):
    return FlushPacing(clock=lambda: clock.now, cpu_clock=lambda: clock.cpu, **options)


def advised_with(runs, cost=0.002, **options):
    """The pause for a new run beside so many others, of as many users, whose requests take so many CPU-seconds."""
    clock = Clock()
    pacing = pacing_of(clock, **options)
    for number in range(max(runs, 2000)):
        clock.cpu += cost
        clock.now += 0.01
        pacing.after_request(number % runs, number % runs)
    return pacing.after_request(0, 0)


def test_one_run_is_asked_four_times_a_second_and_five_times_while_somebody_looks():
    pacing = pacing_of(Clock(), limits="1200/minute")
    assert pacing.after_request(1, 1) == 250
    assert pacing.after_request(1, 1, watched=True) == 200
    assert pacing.after_heartbeat(2, 1) == 250


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 1500), min_size=2, max_size=3), st.floats(0.0003, 0.03))
def test_more_runs_are_never_asked_sooner(counts, cost):
    advised = [advised_with(runs, cost) for runs in sorted(counts)]
    assert advised == sorted(advised)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 1500), st.floats(0.0, 1.0), st.integers(1, 8), st.booleans())
def test_the_load_alone_asks_for_no_less_than_a_fifth_of_a_second_and_no_more_than_ten(runs, cost, processes, watched):
    clock = Clock()
    pacing = pacing_of(clock, processes=processes, cores=2)
    for run in range(runs):
        clock.cpu += cost
        clock.now += 0.005
        assert 200 <= pacing.after_request(run, 1, watched) <= 10_000


@pytest.mark.parametrize("cost", [0.0005, 0.002, 0.004])
@pytest.mark.parametrize("runs", [300, 1000, 1900])
def test_all_runs_together_ask_for_at_most_half_of_the_server(runs, cost):
    seconds = advised_with(runs, cost) / 1000
    assert runs * cost / seconds <= 0.5 * 1.05 or seconds == 10


def test_runs_that_begin_one_after_the_other_leave_room_for_those_to_come():
    clock, cost, arrivals = Clock(), 0.002, 130
    pacing = pacing_of(clock)
    due = [(number / arrivals, number) for number in range(10 * arrivals)]
    requests = Counter[int]()
    while due[0][0] < 10:
        clock.now, run = heapq.heappop(due)
        clock.cpu += cost
        requests[int(clock.now)] += 1
        heapq.heappush(due, (clock.now + pacing.after_request(run, run) / 1000, run))
    assert max(requests[second] for second in range(3, 10)) * cost <= 0.5 * 1.1


def test_a_server_that_is_slow_for_a_while_asks_less_often_and_recovers():
    clock = Clock()
    pacing = pacing_of(clock)

    def after(cost):
        for number in range(20_000):
            clock.cpu += cost
            clock.now += 0.005
            last = pacing.after_request(number % 400, number % 400)
        return last

    quick = after(0.001)
    assert after(0.004) > 3 * quick
    assert after(0.001) == pytest.approx(quick, rel=0.02)


def test_runs_that_are_gone_count_no_more():
    clock = Clock()
    pacing = pacing_of(clock)
    for run in range(2000):
        many = pacing.after_request(run, run)
    assert many > 5000
    clock.now += 60
    assert pacing.after_request(1, 1) == 250


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 2000), st.integers(0, 1200), st.floats(0, 60))
def test_the_less_is_left_of_a_budget_the_longer_is_the_pause(runs, remaining, seconds):
    pacing = pacing_of(Clock(), limits="1200/minute")
    for run in range(runs):
        pacing.after_request(run, 1)
    scarce = pacing.after_request(0, 1, False, remaining, seconds)
    plenty = pacing.after_request(0, 1, False, 1200, seconds)
    assert scarce >= plenty >= 1000 * min(runs / 20, 600)


def obeying(runs, starts_a_second, minutes, processes=1, jitter=0.05):
    """The requests of one user in each minute: runs start one after the other, and then come as they were advised."""
    clock = Clock()
    workers = [pacing_of(clock, limits="1200/minute", processes=processes, cores=8) for _ in range(processes)]
    due = [(run / starts_a_second, run) for run in range(runs)]
    heapq.heapify(due)
    used = Counter()
    while due[0][0] < 60 * minutes:
        clock.now, run = heapq.heappop(due)
        minute = int(clock.now // 60)
        used[minute] += 1
        left = 60 * (minute + 1) - clock.now
        pause = workers[run % processes].after_request(run, 1, False, max(0, 1200 - used[minute]), left)
        heapq.heappush(due, (clock.now + pause / 1000 * (1 + jitter * (run % 7) / 7), run))
    return used


@pytest.mark.parametrize("processes", [1, 4])
@pytest.mark.parametrize("runs", [1, 10, 100, 400, 700, 1000, 2000])
def test_a_user_whose_scripts_obey_is_never_refused_by_the_default_budget(runs, processes):
    # Creating a run draws on a budget of 100 a minute, so that is how fast a user's scripts can start.
    assert max(obeying(runs, 100 / 60, 40, processes).values()) <= 1200


@pytest.mark.parametrize("runs", [100, 300])
def test_scripts_that_start_at_once_share_the_budget_too(runs):
    assert max(obeying(runs, 1000, 10).values()) <= 1200
