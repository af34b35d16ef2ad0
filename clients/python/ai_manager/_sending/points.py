"""The points of windows, as batches that the server stores once."""

from __future__ import annotations

import re
from typing import Any

from ai_manager._columns import JSON, Row, as_frame, as_json, columns_of
from ai_manager._notices import Notices
from ai_manager._spool.cursor import Cursor, derived
from ai_manager._spool.folder import Folder
from ai_manager._spool.window import Window
from ai_manager._transport import Transport, whole
from ai_manager.errors import ServerError, UnreachableError


class Points:
    """Sends a window's points: as one batch, or in parts where something in between takes no bodies of that size."""

    def __init__(self, cursor: Cursor, folder: Folder | None, notices: Notices, is_uncertain: bool) -> None:
        self.rejected = 0  # Values that the server never will take.
        self.delivered = 0  # Values that it has.
        self._cursor, self._folder, self._notices = cursor, folder, notices
        self._is_uncertain = is_uncertain  # Whether the batch may have been stored already.
        self._part = 0  # The first part of the window that is not sent.
        self._use_no_number = False  # A refused batch used up no number.

    def begin(self) -> None:
        """Another window comes."""
        self._part = 0

    def are_sent(self, window: Window) -> bool:
        """Whether nothing of the window is left to send."""
        return not window.rows or self._part >= 1 << self._cursor.depth

    def end(self) -> None:
        """The cursor has passed the window."""
        if self._use_no_number:
            self._use_no_number = False
            self._cursor.begin_anew()

    def send(self, transport: Transport, run_id: int, window: Window) -> dict[str, Any] | None:
        """Send the next part: the server's answer, None where there is none. Raises what has to be tried again, 403 and 404."""
        client, number, rows = self._next_part(window)
        if not rows:
            self._part += 1
            return None
        kind = transport.points_kind
        body = (as_json if kind == JSON else as_frame)(client, number, columns_of(rows))
        try:
            answer = transport.call("POST", f"/metrics/{run_id}/bulk", body, kind=kind)
            whole(answer, "last_id")
        except ServerError as error:
            if error.status == 415 and kind != JSON:
                transport.points_kind = JSON  # An older server: it has kept nothing, and gets JSON from now on.
                return None
            self._is_uncertain = self._is_uncertain or error.passes
            return self._refused(window, rows, body, error)
        except UnreachableError:
            self._is_uncertain = True
            raise
        self._is_there(rows)
        return answer

    def _next_part(self, window: Window) -> tuple[str, int, list[Row]]:
        """Client, number and rows. The first part has the window's own number."""
        cursor = self._cursor
        size = -(-len(window.rows) >> cursor.depth) or 1
        rows = window.rows[self._part * size : (self._part + 1) * size]
        if self._part == 0:
            return cursor.client, cursor.number, rows
        words = f"part {self._part} of {cursor.number} in {1 << cursor.depth}"
        return derived(cursor.client, words), 1, rows

    def _is_there(self, rows: list[Row]) -> None:
        self._part += 1
        self.delivered += sum(len(row.values) for row in rows)
        self._is_uncertain = False

    def _refused(self, window: Window, rows: list[Row], body: bytes, error: ServerError) -> dict[str, Any] | None:
        """Send less at once, or go on without the batch or under another name; or raise."""
        points = sum(len(row.values) for row in rows)
        if (error.status == 413 or (error.status == 400 and not error.from_api)) and len(rows) > 1:
            # A proxy, or the server, takes no bodies of this size. Said before anything is sent by the new measure.
            self._cursor.depth += 1
            self._part = 0
            self._cursor.save()
        elif error.is_refusal or (error.status == 413 and error.from_api):
            self.rejected += points
            self._notices.again("refused", "the server refused %d values: %s", points, error.detail)
            if self._folder:
                self._folder.reject(f"{window.segment:06d}-{window.start}-{self._part}", body, error.detail)
            self._part += 1
            if self._part == 1:
                self._use_no_number = True
        elif error.status == 409:
            return self._out_of_turn(rows, error)
        else:
            raise error
        return None

    def _out_of_turn(self, rows: list[Row], error: ServerError) -> dict[str, Any] | None:
        """The server expects another number.

        If it is the next one, it has this batch: an earlier answer was lost. Else it counts differently: it was restored
        from a copy, or somebody uses our name. Then it did not keep this batch, and another name starts the count afresh.
        """
        expected = re.search(r"(\d+)\D*$", error.detail)
        number = 1 if self._part else self._cursor.number
        if self._part or (self._is_uncertain and expected and int(expected[1]) == number + 1):
            self._is_there(rows)
            return {}
        self._notices.once("count", "the server lost count of this run's batches (%s); starting again", error.detail)
        self._cursor.begin_anew()
        self._cursor.save()
        return None
