from datetime import datetime, timedelta
from types import SimpleNamespace

from aimanager.models import Run
from aimanager.services import progress

START = datetime(2026, 1, 1)


def progress_of(last_step, total, minutes, status="running"):
    run = Run(name="run", status=status, total_steps=total, started_at=START)
    summary = [] if last_step is None else [SimpleNamespace(last_step=last_step), SimpleNamespace(last_step=-7)]
    return progress.of(run, summary, START + timedelta(minutes=minutes))


def test_the_time_left_follows_from_the_rate_so_far():
    assert progress_of(99, 400, 10) == progress.Progress(100, 400, timedelta(minutes=30))
    assert progress_of(99, 400, 10).percent == 25


def test_a_run_is_never_done_before_its_last_step_and_never_more_than_done():
    assert progress_of(998, 1000, 10).percent == 99
    assert progress_of(999, 1000, 10) == progress_of(5000, 1000, 10) == progress.Progress(1000, 1000, timedelta())


def test_no_time_is_left_of_a_run_that_has_ended():
    assert progress_of(9, 100, 1, "failed") == progress.Progress(10, 100, None)


def test_a_run_without_steps_or_without_a_number_of_them_has_no_progress():
    assert progress_of(None, 100, 1) is None
    assert progress_of(9, None, 1) is None
    assert progress_of(-5, 100, 1) is None
