"""Run benchmarks and print one table of their figures.

`python -m benchmarks [--all] [name ...]`; without a name all that need no long installation.
"""

from __future__ import annotations

import argparse
import importlib
from dataclasses import replace

from .figure import Figure, table

QUICK = ["client_log", "live_requests", "ordinary_write", "bulk", "store", "pixel", "viewers"]
SLOW = ["startup"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    # The default is a choice too, as argparse looks for it among them.
    parser.add_argument(
        "names", nargs="*", metavar="name", default=QUICK, choices=[*QUICK, *SLOW, QUICK], help=", ".join(QUICK + SLOW)
    )
    parser.add_argument("--all", action="store_true", help="also the slow ones")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    for name in arguments.names + (SLOW if arguments.all else []):
        print(f"{name} ...", flush=True)
        measured = importlib.import_module(f"benchmarks.{name}").figures()
        figures += [replace(figure, command=f"python -m benchmarks {name}") for figure in measured]
    print(table(figures))


if __name__ == "__main__":
    main()
