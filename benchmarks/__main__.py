"""Run benchmarks and print one table of their figures.

`python -m benchmarks` runs all that need no long installation and writes docs/performance.md; `--all` the slow ones
too. `python -m benchmarks name ...` only prints, and writes that page with `--write`. Each runs in a process of its own, for a bounded time: one that fails
is a row of the table that says so.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from math import isnan, nan
from multiprocessing.connection import Connection
from pathlib import Path

from . import machine
from .figure import Figure, page, table

HERE = Path(__file__).parent
SLOW = [
    "workspace",
    "training",
    "outage",
    "slow_network",
    "ending",
    "console",
    "startup",
    "runs_table",
    "query",
    "soak",
    "run_page",
    "store_large",
]
QUICK = [
    path.stem for path in sorted(HERE.glob("*.py")) if "\ndef figures() " in path.read_text() and path.stem not in SLOW
]
LONGEST, TOGETHER = 240.0, 900.0  # Seconds that one may take, and the quick ones together.
LONGEST_OF_SLOW = 1800.0
PAGE = HERE.parent / "docs" / "performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    # No name at all is a choice too, as argparse looks for it among them.
    parser.add_argument(
        "names", nargs="*", metavar="name", default=[], choices=[*QUICK, *SLOW, []], help=", ".join(QUICK + SLOW)
    )
    parser.add_argument("--all", action="store_true", help="also the slow ones")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md for the names given too")
    arguments = parser.parse_args()
    names = arguments.names or QUICK + (SLOW if arguments.all else [])
    where = machine.described()
    machine.adopt_orphans()
    figures = list(measured(names))
    print(f"{where}\n\n{table(figures)}")
    if arguments.write or not arguments.names:
        PAGE.write_text(page(figures, where))
    sys.exit(any(isnan(figure.value) for figure in figures))


def measured(names: list[str]) -> Iterator[Figure]:
    """The figures of benchmarks, one after the other."""
    end = time.monotonic() + TOGETHER
    for name in names:
        longest = LONGEST_OF_SLOW if name in SLOW else min(LONGEST, end - time.monotonic())
        began = time.monotonic()
        print(f"{name} ...", end="", flush=True)
        for figure in in_a_process(name, longest):
            yield replace(figure, command=f"python -m benchmarks {name}")
        machine.kill_descendants()
        print(f" {time.monotonic() - began:.0f} s", flush=True)


def in_a_process(name: str, longest: float) -> list[Figure]:
    """What a benchmark measures, or that it failed."""
    if longest <= 0:
        return [Figure(f"{name}: not measured, no time was left", nan)]
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=measure, args=(name, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(longest) else [Figure(f"{name}: failed, not done in {longest:.0f} s", nan)]
    except EOFError:
        return [Figure(f"{name}: failed, its process ended", nan)]
    finally:
        process.kill()
        process.join()


def measure(name: str, pipe: Connection) -> None:
    """Run one benchmark; what goes wrong is printed, and told in a row."""
    try:
        pipe.send(importlib.import_module(f"benchmarks.{name}").figures())
    except BaseException as error:
        pipe.send([Figure(f"{name}: failed, {type(error).__name__}: {str(error).partition(chr(10))[0][:80]}", nan)])
        raise


if __name__ == "__main__":
    main()
