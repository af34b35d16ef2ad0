"""What is captured around a run besides what the script logs: code, environment, machine and output.

It knows nothing of the rest of the client: what it finds goes to a `Sink`. Everything is imported when it is needed.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from ai_manager.errors import ConfigurationError

if TYPE_CHECKING:
    from ai_manager._capture.system import System

PARTS = ("git", "environment", "system", "console")
VARIABLE = "AI_MANAGER_CAPTURE"

EVERY = 10.0  # Seconds between two readings of the machine.
FIRST = 1.0  # Seconds until the first, so that a short run has some, too.
PATIENCE = 1.0  # Seconds that the end waits for the last reading, or for git.


class Sink(Protocol):
    """Where it goes. Called from threads of the capture's own; what a call raises is lost with it."""

    def metrics(self, values: dict[str, float]) -> None:
        """Values of `system/...` metrics, read now."""

    def environment(self, facts: dict[str, Any]) -> None:
        """Facts to be merged with those that are known, by key."""

    def lines(self, lines: list[dict[str, Any]]) -> None:
        """What was printed, in order: each a `stream` ("stdout", "stderr"), a `time` (seconds since 1970) and a `text`.

        A text is a line, or several that were printed at once, with newlines between.
        """


def chosen(capture: str | Iterable[str] | bool | None = None) -> frozenset[str]:
    """The parts to capture: those of the argument, else those of AI_MANAGER_CAPTURE, else all.

    Either is "all", "none", or names of parts, as a list or with commas between. Raises ConfigurationError for others.
    """
    if capture is None:
        capture = os.environ.get(VARIABLE, "all")
    if isinstance(capture, bool):
        capture = "all" if capture else "none"
    words = {word.strip().lower() for word in (capture.split(",") if isinstance(capture, str) else capture)} - {""}
    unknown = words - {*PARTS, "all", "none"}
    if unknown:
        raise ConfigurationError(f"capture takes all, none, {', '.join(PARTS)}; not {', '.join(sorted(unknown))}")
    if "all" in words:
        return frozenset(PARTS)
    return frozenset(words - {"none"})


class Capture:
    """Captures for one run from `start` to `stop`. Neither raises; `start` does not wait, `stop` not for long.

    `secrets` are hidden wherever they are printed. A `rank` tells the processes of one run apart; `is_shared` is a
    process that joined the run of another one. `left` names a file for the last lines of a process that dies.
    """

    def __init__(
        self,
        sink: Sink,
        parts: frozenset[str],
        secrets: Iterable[str | None] = (),
        rank: int | None = None,
        is_shared: bool = False,
        left: str = "",
    ) -> None:
        self._sink, self._parts = sink, parts
        self._secrets = tuple(secrets)
        self._rank, self._is_shared, self._left = rank, is_shared, left
        self._pid = os.getpid()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin with everything that was chosen."""
        with contextlib.suppress(Exception):
            if "console" in self._parts:
                from ai_manager._capture import console, secrets

                hidden = secrets.secret_values(os.environ, self._secrets)
                console.listen(self._sink.lines, hidden, self._is_shared, self._left)
        with contextlib.suppress(Exception):
            if self._parts - {"console"}:
                self._thread = threading.Thread(target=self._work, name="ai-manager-capture", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Put everything back; what was found until now has then reached the sink."""
        if os.getpid() != self._pid:
            return  # A forked child: the capture is its parent's.
        self._over.set()
        with contextlib.suppress(Exception):
            if self._thread:
                self._thread.join(PATIENCE)
        with contextlib.suppress(Exception):
            if "console" in self._parts:
                from ai_manager._capture import console

                console.unlisten(self._sink.lines)

    def _work(self) -> None:
        system = None
        with contextlib.suppress(Exception):
            if "system" in self._parts:
                from ai_manager._capture.system import System

                system = System(self._rank, int(os.environ.get("LOCAL_RANK") or 0))
        with contextlib.suppress(Exception):
            self._tell_facts()
        with contextlib.suppress(Exception):
            if system:
                self._measure(system)

    def _tell_facts(self) -> None:
        if "environment" in self._parts and not self._is_shared:
            from ai_manager._capture.facts import facts

            self._sink.environment(facts())
        if "git" in self._parts and not self._is_shared:
            from ai_manager._capture.git import git_facts

            found = git_facts()
            if found:
                self._sink.environment({"git": found})

    def _measure(self, system: System) -> None:
        pause = FIRST
        read_at = time.monotonic()
        while not self._over.wait(pause):
            with contextlib.suppress(Exception):
                self._sink.metrics(system.read())
            read_at = time.monotonic()
            pause = EVERY
        if time.monotonic() - read_at > FIRST / 2:
            self._sink.metrics(system.read())
