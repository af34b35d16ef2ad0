"""Waiting for what happens elsewhere: the only place of the tests that looks at a clock or pauses."""

import time
from collections.abc import Callable


def becomes(condition: Callable[[], object], seconds: float = 30.0, every: float = 0.01) -> bool:
    """Whether a condition comes true within some seconds; it is evaluated again after each pause of `every` seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def wait_until(condition: Callable[[], object], seconds: float = 30.0, every: float = 0.01) -> None:
    """Wait for what must come true. The bound only ends a test that hangs, so it is generous."""
    assert becomes(condition, seconds, every), f"it did not happen within {seconds} s"


def assert_stays(condition: Callable[[], object], seconds: float = 0.3) -> None:
    """Watch what must stay true for some seconds. On a slow machine this sees less, and never fails wrongly."""
    assert not becomes(lambda: not condition(), seconds), "it did not stay as it was"


def pace(seconds: float) -> None:
    """Space out what a script of a test does; no test may depend on how long that takes."""
    time.sleep(seconds)
