"""Bring spools to a server: of runs that were offline, of processes that were killed, of ones that still run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ai_manager._notices import Notices
from ai_manager._sending.backoff import FIRST_BACKOFF, LONGEST_BACKOFF
from ai_manager._sending.delivery import Delivery
from ai_manager._sending.leftovers import goes_on
from ai_manager._spool.folder import Folder, folders
from ai_manager._spool.record import NewerFormat
from ai_manager._spool.source import Leftover
from ai_manager._transport import Transport, whole
from ai_manager.errors import AIManagerError, AuthenticationError, ServerError, UnreachableError

TRIES = 4  # How often a request is made that fails for a reason that may pass, when nothing is followed.
POLL = 1.0  # Seconds between two looks at a spool that still grows.


@dataclass
class Progress:
    """How far one spool is."""

    folder: Path
    project: str
    name: str | None
    run_id: int | None
    url: str | None
    bytes_sent: int
    bytes_in_all: int
    points: int  # Values that the server took from this spool just now.
    state: str = "sending"  # Or "sent", "busy", "other server", "stopped", "failed".
    words: str = ""  # Why it is not sent, if so.


@dataclass
class Synced:
    """What came of it."""

    spools: list[Progress] = field(default_factory=list)

    @property
    def points(self) -> int:
        return sum(spool.points for spool in self.spools)

    @property
    def is_complete(self) -> bool:
        """Whether everything that was there is on the server, or being sent by its own process."""
        return all(spool.state in ("sent", "busy") for spool in self.spools)


def sync(
    directory: Path | None,
    transport: Transport,
    follow: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    other_servers: bool = False,
) -> Synced:
    """Send every spool in a directory (the usual one for None), or one spool's own directory.

    A spool that its process still sends is left to it. With `follow` one that grows is sent until its process ends, and
    a server that is away is waited for; without, that raises UnreachableError after some tries. Spools of other servers
    are sent here only with `other_servers`, so that nobody's files choose where a key goes. Raises AuthenticationError.
    """
    synced = Synced()
    for folder in _spools(directory):
        one = _Sync(folder, transport, follow, progress)
        is_elsewhere = folder.facts.get("server") != transport.url and not _is_homeless(folder)
        if is_elsewhere and not other_servers:
            one.end("other server", f"it is for {folder.facts.get('server')}")
        else:
            one.send()
        synced.spools.append(one.state)
    return synced


def _spools(directory: Path | None) -> Iterator[Folder]:
    if directory is not None:
        folder = Folder.open(directory)
        if folder is not None:
            yield folder
            return
    yield from folders(directory)


def _is_homeless(folder: Folder) -> bool:
    """Whether a run was offline and nobody had said which server is its own."""
    return folder.facts.get("mode") == "offline" and not folder.facts.get("run_id")


class _Sync:
    """One spool, from here to the server."""

    def __init__(
        self, folder: Folder, transport: Transport, follow: bool, progress: Callable[[Progress], None]
    ) -> None:
        facts = folder.facts
        self._folder, self._transport, self._follow, self._progress = folder, transport, follow, progress
        self.state = Progress(
            folder.path, str(facts.get("project")), facts["run"].get("name"), facts.get("run_id"), None, 0, 0, 0
        )
        self._project_id: int | None = None

    def send(self) -> None:
        """Send it to its end, as far as it is now."""
        try:
            if self._folder.is_sent or not self._folder.take():
                self.end("busy", "its own process sends it")
                return
        except OSError as error:
            self.end("failed", f"cannot be written: {error}")
            return
        try:
            self._send()
        except (OSError, ValueError, KeyError, NewerFormat) as error:
            self.end("failed", str(error) or type(error).__name__)
        finally:
            self._folder.release()

    def _send(self) -> None:
        facts = self._folder.facts
        source = Leftover(self._folder)
        facts["goes_on"] = goes_on(self._folder)
        delivery = Delivery(source, self._folder, facts, Notices())
        self.state.bytes_in_all = source.size
        left = source.size
        while not delivery.done.is_set():
            sent_before = delivery.cursor.segment, delivery.cursor.offset
            self._try(lambda: self._advance(delivery))
            left = source.size - delivery.cursor.offset if self._folder.path.is_dir() else 0
            self._show(delivery, left)
            if delivery.refused:
                self.end("failed", delivery.refused)
                return
            if not source.is_final and sent_before == (delivery.cursor.segment, delivery.cursor.offset):
                if not self._follow:
                    self.end("sent", "as far as it is; its process still runs")
                    return
                time.sleep(POLL)
                self._folder.touch()
        if delivery.cursor.stopped:
            self.end("stopped", delivery.cursor.stopped)
        else:
            self.end("sent", f"refused by the server: {delivery.rejected} values" if delivery.rejected else "")

    def _advance(self, delivery: Delivery) -> None:
        if self._project_id is None:
            body = {"name": delivery.facts["project"], "exist_ok": True}
            self._project_id = whole(self._transport.call("POST", "/projects/", body), "id")
        delivery.advance(self._transport, self._project_id)

    def _try(self, attempt: Callable[[], Any]) -> None:
        """Try again what may pass, with growing pauses."""
        tries = 0
        while True:
            try:
                return attempt()
            except AuthenticationError:
                raise
            except AIManagerError as error:
                passes = isinstance(error, UnreachableError) or (isinstance(error, ServerError) and error.passes)
                tries += 1
                if not passes or (tries >= TRIES and not self._follow):
                    raise
                wait = min(FIRST_BACKOFF * 2**tries, LONGEST_BACKOFF)
                if isinstance(error, ServerError) and error.retry_after is not None:
                    wait = max(wait, error.retry_after)
                time.sleep(wait)
                self._folder.touch()

    def _show(self, delivery: Delivery, left: int) -> None:
        state = self.state
        state.run_id, state.name, state.points = delivery.run_id, delivery.name, delivery.delivered
        state.url = f"{self._transport.url}/app/runs/{state.run_id}" if state.run_id else None
        state.bytes_in_all = max(state.bytes_in_all, left)
        state.bytes_sent = state.bytes_in_all - max(0, left)
        self._progress(state)

    def end(self, state: str, words: str = "") -> None:
        """Say how it went."""
        self.state.state, self.state.words = state, words
        self._progress(self.state)
