"""A measured figure beside its goal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan


@dataclass(frozen=True)
class Figure:
    """`at_least` says that more is better; a figure without a goal is there to explain another; NaN is no figure."""

    what: str
    value: float
    unit: str = ""
    goal: float | None = None
    at_least: bool = False
    command: str = ""

    @property
    def ratio(self) -> str:
        """The figure in relation to its goal, and whether that is good."""
        if isnan(self.value):
            return "FAILED"
        if self.goal is None:
            return ""
        if self.goal == 0:
            return "ok" if self.value == 0 else "MISSED"
        ratio = self.value / self.goal
        good = ratio >= 1 if self.at_least else ratio <= 1
        return f"{ratio:.2f} {'ok' if good else 'MISSED'}"

    @property
    def aim(self) -> str:
        if self.goal is None:
            return ""
        return f"{'>=' if self.at_least else '<='} {number(self.goal)} {self.unit}".rstrip()

    @property
    def shown(self) -> str:
        return "" if isnan(self.value) else f"{number(self.value)} {self.unit}".rstrip()

    @property
    def row(self) -> tuple[str, ...]:
        return self.what, self.shown, self.aim, self.ratio, self.command


HEAD = ("what", "figure", "goal", "ratio", "command")


def best(work: Callable[[], object], times: int = 25) -> float:
    """The best of some times, in milliseconds."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took) * 1e3


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def table(figures: Sequence[Figure]) -> str:
    """Columns of text."""
    rows = [HEAD, *(one.row for one in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


PAGE = """# Performance

Written by `make bench`; each row says the command that repeats it. A ratio is the figure by its goal: where the goal is
"<=" it should be below 1, where it is ">=" above. Servers, their clients and what is compared share one machine:

{machine}

## Goals

{goals}

## Besides

What explains the figures above: how much of a figure was ours, what others do with the same data, what the machine can.

{besides}
"""


def page(figures: Sequence[Figure], machine: str) -> str:
    """docs/performance.md: what has a goal, or failed, and what is there to explain it."""
    goals = [one for one in figures if one.ratio]
    besides = [one for one in figures if not one.ratio]
    return PAGE.format(machine=machine, goals=_markdown(goals), besides=_markdown(besides))


def _markdown(figures: Sequence[Figure]) -> str:
    rows = [HEAD, ("---",) * len(HEAD), *((*one.row[:-1], f"`{one.command}`") for one in figures)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
