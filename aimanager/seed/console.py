"""What a training says while it runs: its console output, and the alerts that it raises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from ..extensions import writing
from ..models import RunAlert
from ..store.console import Console, Line, Lines
from ..wire.times import to_microseconds
from .training import Training

EPOCHS, BATCHES = 30, 40
_SECOND = 1_000_000
_RED, _GREEN, _YELLOW, _CYAN, _DIM, _END = (f"\x1b[{code}m" for code in ("31", "32", "33", "36", "2", "0"))


def write_console(console: Console, project_id: int, run_id: int, of: Training, started_at: datetime) -> None:
    """The console output of one run, as a script sends it: the bar of an epoch comes in parts."""
    console.append(run_id, project_id, Lines.of(_lines(of, to_microseconds(started_at))))


def add_alerts(project_id: int, run_id: int, of: Training, started_at: datetime) -> None:
    """What the run wants to be looked at for, if anything."""
    alerts = []
    if of.diverges:
        alerts.append(("error", "Loss is NaN", "The loss was not finite in three batches in a row.", 1840))
    if of.diverges or of.config["data"]["batch_size"] == 256:
        alerts.append(("warning", "Gradient norm above 100", "Clipped to 1.0.", 620))
    with writing() as session:
        for level, title, text, step in alerts:
            time = started_at + timedelta(seconds=step)
            session.add(
                RunAlert(
                    run_id=run_id, project_id=project_id, title=title, text=text, level=level, step=step, time=time
                )
            )


def _lines(of: Training, start: int) -> Iterator[tuple[Line, bool]]:
    """Lines, and whether each is only a part of one."""
    rng = np.random.default_rng(len(of.name))
    now = start

    def said(text: str, stream: int = 0, partial: bool = False, rank: int = 0) -> tuple[Line, bool]:
        return Line(stream, rank, now, text), partial

    yield said(f"{_CYAN}Training {of.name}{_END}")
    for key, value in of.config.items():
        yield said(f"  {_DIM}{key}:{_END} {value}")
    for rank in range(4):
        yield said(f"NCCL INFO rank {rank} of 4 is ready", rank=rank)
    yield said("UserWarning: The number of workers is more than the suggested maximum of this system, which is 8.", 1)
    loss = 4.6
    for epoch in range(1, EPOCHS + 1):
        for batch in range(0, BATCHES + 1, 8):
            now += 12 * _SECOND
            bar = "█" * (batch // 4) + " " * (10 - batch // 4)
            yield said(
                f"\rEpoch {epoch}: {100 * batch // BATCHES:3}%|{bar}| {batch}/{BATCHES} [{batch * 0.3:.1f}s]", 1, True
            )
        yield said("", 1)
        loss = of.loss + (loss - of.loss) * 0.8 + 0.02 * float(rng.standard_normal())
        for batch in range(BATCHES):
            now += _SECOND
            yield said(
                f"epoch {epoch:2} batch {batch:3} loss {loss * (1 + 0.05 * float(rng.standard_normal())):.4f} grad {float(rng.random()):.3f}"
            )
        colour = _GREEN if loss < of.loss + 0.3 else _YELLOW
        yield said(
            f"{colour}epoch {epoch:2} done{_END}  loss {loss:.4f}  \x1b[38;5;141mval/accuracy {np.exp(-loss / 2):.3f}{_END}"
        )
    if of.diverges:
        yield said(f"{_RED}Traceback (most recent call last):", 1)
        yield said('  File "train.py", line 120, in <module>', 1)
        yield said("    raise FloatingPointError('loss is not finite')", 1)
        yield said(f"FloatingPointError: loss is not finite{_END}", 1)
    else:
        yield said(f"\x1b[1mDone.{_END} The best checkpoint is checkpoints/best.pt")
