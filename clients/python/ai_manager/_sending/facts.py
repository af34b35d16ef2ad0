"""What windows say about a run besides points: changes, alerts, console output."""

from __future__ import annotations

import json
import time
from typing import Any

from ai_manager._notices import Notices
from ai_manager._sending.requests import LINES, REWIND, Request, halves, requests_of, send
from ai_manager._spool.cursor import Cursor
from ai_manager._spool.folder import Folder
from ai_manager._spool.window import Window
from ai_manager._transport import Transport
from ai_manager.errors import ServerError


class Facts:
    """Says a window's facts, request by request. What the server does not take is kept aside and not repeated."""

    def __init__(self, cursor: Cursor, folder: Folder | None, notices: Notices, inherited: bool) -> None:
        self.lines = 0  # Batches of console output of the window that the server has.
        self.have_an_end = False  # Whether the log said how the run ended.
        self._cursor, self._folder, self._notices, self._inherited = cursor, folder, notices, inherited
        self._requests: list[Request] = []
        self._takes_lines = True  # An older server does not.
        self._has_number = False  # Whether the server has the part of the batch at hand that has its number.

    def begin(self, window: Window) -> None:
        """Another window comes."""
        self.lines, self._has_number = 0, False
        key = f"{self._cursor.origin}-{window.segment}-{window.start}"
        self._requests = requests_of(window.facts, key, self._inherited, self._cursor.lines_depth)
        self.have_an_end = self.have_an_end or any(fact.get("kind") == "finish" for fact in window.facts)

    @property
    def are_said(self) -> bool:
        """Whether nothing of the window is left to say."""
        return not self._requests

    @property
    def rewinds_next(self) -> bool:
        """Whether the next thing to say takes points away."""
        return bool(self._requests) and self._requests[0].path == REWIND

    def say_next(self, transport: Transport, run_id: int) -> bool:
        """Say the next thing; True if the server took it. Raises what has to be tried again."""
        request = self._requests[0]
        if request.path == LINES:
            return self._say_lines(transport, run_id, request)
        taken = self.say(transport, run_id, request)
        self._requests.pop(0)
        return taken

    def say_lines(self, transport: Transport, run_id: int, lines: list[dict[str, Any]]) -> None:
        """Say some console output that is in no window, when nothing else is left. Raises what has to be tried again."""
        if self.are_said:
            self._requests.append(Request("POST", LINES, {"lines": lines}))
        while not self.are_said:
            self.say_next(transport, run_id)

    def say(self, transport: Transport, run_id: int, request: Request) -> bool:
        """Say something about the run; True if the server took it. Raises what has to be tried again."""
        try:
            send(transport, run_id, request)
        except ServerError as error:
            if error.passes:
                raise
            self._notices.again("facts", "the server refused a change of run %s: %s", run_id, error.detail)
            if self._folder and error.is_refusal:
                self._folder.reject(f"fact-{time.time_ns()}", json.dumps(request).encode(), error.detail)
            return False
        return True

    def _say_lines(self, transport: Transport, run_id: int, request: Request) -> bool:
        """Send console output, each batch once, in halves where it is too large. What nobody takes is left out: it must not
        be in the way of the points."""
        part = request.key or ""
        while self._cursor.is_halved(self.lines, part):
            self._requests[:1] = halves(request)
            request = self._requests[0]
            part = request.key or ""
        taken = self._takes_lines and self._send_lines(transport, run_id, request, part)
        if self._requests[0] is request:
            self._requests.pop(0)
            self._has_number = self._has_number or (taken and "1" not in part)
            if "0" not in part:  # The last one of its batch.
                self.lines += self._has_number
                self._has_number = False
        return taken

    def _send_lines(self, transport: Transport, run_id: int, request: Request, part: str) -> bool:
        body = {**self._cursor.batch_of_lines(self.lines, part), **request.body}
        try:
            transport.call("POST", f"/runs/{run_id}{request.path}", body)
        except ServerError as error:
            if error.status == 409:
                self._cursor.begin_lines_anew(self.lines)
                self._cursor.save()
                raise
            if error.status in (404, 405):
                self._takes_lines = False
            elif error.status == 413 or (error.status == 400 and not error.from_api):
                self._halve(request, part, run_id, error)
            elif error.status in (400, 422):
                self._notices.again("lines", "output of run %s was not taken: %s", run_id, error.detail)
            else:
                raise
            return False
        return True

    def _halve(self, request: Request, part: str, run_id: int, error: ServerError) -> None:
        """A proxy, or the server, takes no bodies of this size."""
        parts = halves(request)
        if len(parts) == 1:
            self._notices.again("lines", "a line that run %s printed was not taken: %s", run_id, error.detail)
            return
        self._cursor.halve(self.lines, part)
        self._cursor.save()
        self._requests[:1] = parts
