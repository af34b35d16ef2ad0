"""A measured figure beside its goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`at_least` says that more is better; a figure without a goal is there to explain another."""

    what: str
    value: float
    unit: str = ""
    goal: float | None = None
    at_least: bool = False
    command: str = ""

    @property
    def ratio(self) -> str:
        """The figure in relation to its goal, and whether that is good."""
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


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def table(figures: Sequence[Figure]) -> str:
    """Columns of text."""
    rows = [("what", "figure", "goal", "ratio", "command")]
    for one in figures:
        rows.append((one.what, f"{number(one.value)} {one.unit}".rstrip(), one.aim, one.ratio, one.command))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
