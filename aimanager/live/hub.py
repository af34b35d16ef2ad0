"""One thread sends what is new to everybody who looks at it.

A wake-up says which run to look at. The hub then reads the store from where its viewers are, once for all
who are at the same point, makes one frame and offers it to each of their sockets. Nobody has a queue: a
viewer who has not read the last frame is passed over, and gets all that came meanwhile in one frame later.
Sending is paced by what it costs, so that many viewers never slow the server down.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from . import frames
from .agenda import Agenda
from .base import LiveBus
from .news import News
from .relay import Relay
from .rooms import Rooms
from .source import PointSource
from .viewer import Room, Viewer

RESTARTING, SIGNED_OUT, FORBIDDEN, DELETED = 1012, 4401, 4403, 4404
REASONS = {
    RESTARTING: "the server restarts",
    SIGNED_OUT: "signed out",
    FORBIDDEN: "not allowed to read this any more",
    DELETED: "deleted",
}
PING_EVERY, FACTS_EVERY, WATCHED_EVERY = 20.0, 5.0, 2.0
FACTS_ROUND = 0.1  # Seconds after which the facts of the remaining runs are left for the next second.
RECHECK_EVERY, RECHECK_SOON = 45.0, 5.0


class Hub:
    """Brings viewers and the store together.

    `describe(run_id)` makes the JSON of a run, None when it is gone. `recheck(viewer)` answers with a close
    code when the viewer may look no longer, else None. `owner_of(project_id)` is the user whose home shows the project,
    None when nobody knows. `last_lines(run_ids)` is how far their consoles are. All are called on the hub's thread; when they
    raise, it tries again later. A socket may watch runs beside what it was opened for: one that may not be read any more is
    refused, and the socket stays open.
    """

    def __init__(
        self,
        store: PointSource,
        bus: LiveBus,
        describe: Callable[[int], dict[str, Any] | None],
        recheck: Callable[[Viewer], int | None],
        owner_of: Callable[[int], int | None] = lambda _: None,
        last_lines: Callable[[Sequence[int]], Mapping[int, int]] = lambda _: {},
    ) -> None:
        self._relay, self._bus, self._describe, self._recheck = Relay(store), bus, describe, recheck
        self._owner_of, self._last_lines = owner_of, last_lines
        self._store, self._rooms, self._news = store, Rooms(), News()
        self._watched_elsewhere: dict[int, float] = {}
        self._handlers = {
            "run": self._points,
            "run-facts": self._facts,
            "run-marks": self._marks,
            "run-logs": self._logs,
            "run-alerts": self._run_alerts,
            "project-alerts": self._project_alerts,
            "project": self._project,
            "home": self._home,
            "user": self._user,
        }
        look_every = 1.0 if bus.shared else 5.0  # A message between processes may be lost; the store loses nothing.
        chores: list[tuple[float, Callable[[], None]]] = [
            (look_every, self._look_for_points),
            (1.0, self._check_rights),
            (1.0, self._refresh_facts),
            (PING_EVERY, self._ping),
            (WATCHED_EVERY, self._announce_watched),
        ]
        self._agenda = Agenda(self._handlers, chores)
        bus.subscribe(self.wake)

    @property
    def closed(self) -> bool:
        return self._agenda.closed

    # Called by the routes of the sockets and by the bus, on any thread.

    def join(self, viewer: Viewer) -> None:
        """Begin to send to a viewer what comes after its cursor."""
        viewer.socket.on_drained = lambda: self._catch_up(viewer)
        self._rooms.enter(viewer)
        self._agenda.start()
        if self.closed:
            self._disconnect(viewer, RESTARTING)
            return
        self._catch_up(viewer)
        self._announce_watched()
        if self._has_missed(viewer):
            self._send(viewer, frames.message("project"))

    def watch(self, viewer: Viewer, cursors: Mapping[int, int]) -> None:
        """Send to a viewer that has joined what comes in these runs after these ids too, and no more of other runs."""
        self._rooms.watch(viewer, {f"run:{run}": cursor for run, cursor in cursors.items()})
        self._catch_up(viewer)
        self._announce_watched()

    def refuse(self, viewer: Viewer, run: int) -> None:
        """Say that a run cannot be watched."""
        self._send(viewer, frames.message("refused", run_id=run))

    def resync(self, viewer: Viewer, run: int, last_id: int) -> None:
        """Say that what the viewer has of a run goes further than the run does."""
        self._send(viewer, frames.message("resync", run_id=run, last_id=last_id))

    def leave(self, viewer: Viewer) -> None:
        """Send no more to a viewer."""
        self._rooms.leave(viewer)

    def watched(self, run: int) -> bool:
        """Whether somebody looks at this run, here or in another process."""
        return f"run:{run}" in self._rooms or self._watched_elsewhere.get(run, 0.0) > time.monotonic()

    def wake(self, topic: str) -> None:
        """Look at a topic soon if anybody here cares about it; cheap, for it runs on the writer's thread."""
        kind, _, number = topic.partition(":")
        if not number.isdecimal():
            return  # A message of another process may be malformed.
        if kind == "project":
            self._news.note(int(number))
        if kind == "watched":
            self._watched_elsewhere[int(number)] = time.monotonic() + 3 * WATCHED_EVERY
        elif kind in self._handlers and (
            kind == "user" or _room(kind, number) in self._rooms or (kind == "project" and self._rooms.homes)
        ):
            self._agenda.call(topic)

    def close(self, code: int = RESTARTING) -> None:
        """Say goodbye to everybody and end the thread."""
        self._agenda.close()
        for viewer in self._rooms.hosts():
            self._disconnect(viewer, code)

    # What there is to do for a topic.

    def _points(self, run: int) -> None:
        room = self._rooms.get(f"run:{run}")
        if room is None:
            return
        began = time.monotonic()
        has_more = self._relay.advance(run, room.viewers)
        self._agenda.rest(f"run:{run}", time.monotonic() - began)
        if has_more:
            # The pace makes live frames few and full; a viewer that catches up gets full ones anyway.
            self._agenda.go_on(f"run:{run}", time.monotonic() - began)

    def _facts(self, run: int) -> None:
        room = self._rooms.get(f"run:{run}")
        if room is not None:
            began = time.monotonic()
            self._send_facts(run, room)
            self._recheck_soon(room.viewers)
            self._agenda.rest(f"run-facts:{run}", time.monotonic() - began)

    def _marks(self, run: int) -> None:
        room = self._rooms.get(f"run:{run}")
        if room is not None:
            marks = frames.message("marks", run_id=run)
            for viewer in room.viewers:
                self._send(viewer, marks)
            self._agenda.rest(f"run-marks:{run}", 0.0)

    def _logs(self, run: int) -> None:
        room = self._rooms.get(f"run:{run}")
        if room is not None:
            began = time.monotonic()
            room.last_line = self._last_lines([run]).get(run, 0)
            logs = frames.message("logs", run_id=run, last_line=room.last_line)
            for viewer in room.viewers:
                self._send(viewer, logs)
            self._agenda.rest(f"run-logs:{run}", time.monotonic() - began)

    def _run_alerts(self, run: int) -> None:
        self._say_alerts(f"run:{run}", frames.message("alerts", run_id=run))
        self._agenda.rest(f"run-alerts:{run}", 0.0)

    def _project_alerts(self, project: int) -> None:
        self._say_alerts(f"project:{project}", frames.message("alerts", project_id=project))
        self._agenda.rest(f"project-alerts:{project}", 0.0)

    def _say_alerts(self, name: str, alerts: bytes) -> None:
        room = self._rooms.get(name)
        for viewer in room.viewers if room else ():
            self._send(viewer, alerts)

    def _project(self, project: int) -> None:
        began = time.monotonic()
        room = self._rooms.get(f"project:{project}")
        if room is not None:
            room.announce(frames.message("project"))
            self._recheck_soon(room.viewers)
        if self._rooms.homes and (owner := self._owner_of(project)) is not None:
            self.wake(f"home:{owner}")
        self._agenda.rest(f"project:{project}", time.monotonic() - began)

    def _home(self, user: int) -> None:
        room = self._rooms.get(f"home:{user}")
        if room is not None:
            began = time.monotonic()
            room.announce(frames.message("project"))
            self._agenda.rest(f"home:{user}", time.monotonic() - began)

    def _user(self, user: int) -> None:
        for viewer in self._rooms.viewers():
            if getattr(viewer.principal, "user_id", None) == user:
                viewer.recheck_at = 0.0
        self._check_rights()

    # Chores.

    def _look_for_points(self) -> None:
        """Wake the runs that have points of which nobody told us."""
        rooms = self._rooms.of_runs()
        for run, head in self._store.heads(list(rooms)).items() if rooms else ():
            if any(viewer.cursor < head.last_id for viewer in rooms[run].viewers):
                self.wake(f"run:{run}")
        for run, last_line in self._last_lines(list(rooms)).items() if rooms else ():
            if rooms[run].last_line != last_line:
                self.wake(f"run-logs:{run}")

    def _refresh_facts(self) -> None:
        """Notice a change whose message was lost, and tell newcomers what changed before they came."""
        began = time.monotonic()
        for run, room in sorted(self._rooms.of_runs().items(), key=lambda item: item[1].refreshed_at):
            now = time.monotonic()
            if room.refreshed_at + FACTS_EVERY > now or began + FACTS_ROUND < now:
                return
            room.refreshed_at = now
            for viewer in room.viewers:
                if not viewer.greeted:
                    viewer.greeted, viewer.version = True, -1
            self._send_facts(run, room)

    def _check_rights(self) -> None:
        """Ask again whether viewers may look, once for all who have the same credential in one room."""
        now = time.monotonic()
        answers: dict[tuple[Any, str], int | None] = {}
        for viewer in self._rooms.viewers():
            if viewer.recheck_at > now:
                continue
            viewer.checked_at, viewer.recheck_at = now, now + RECHECK_EVERY
            key = (viewer.principal, viewer.room)
            if key not in answers:
                answers[key] = self._recheck(viewer)
            code = answers[key]
            if code is not None:
                self._disconnect(viewer, code)

    def _ping(self) -> None:
        self._agenda.forget_rested()
        ping = frames.message("ping")
        for viewer in self._rooms.hosts():
            viewer.socket.offer(ping)

    def _announce_watched(self) -> None:
        now = time.monotonic()
        for run, until in list(self._watched_elsewhere.items()):
            if until < now:
                self._watched_elsewhere.pop(run, None)
        if self._bus.shared:
            for run in self._rooms.of_runs():
                self._bus.publish(f"watched:{run}")

    # Small parts.

    def _send_facts(self, run: int, room: Room) -> None:
        facts = self._describe(run)
        if facts is None:
            for viewer in room.viewers:
                self._disconnect(viewer, DELETED)
            return
        news = frames.message("run", run=facts)
        if news != room.news:
            room.announce(news)
        room.send_news(room.viewers)

    def _has_missed(self, viewer: Viewer) -> bool:
        """Whether the list of a newcomer may be older than its room's last news."""
        kind, _, number = viewer.room.partition(":")
        if kind == "project" and viewer.since is not None:
            return self._news.since(int(number), viewer.since)
        return kind != "run"

    def _catch_up(self, viewer: Viewer) -> None:
        """Send what a viewer has not had; of the runs that it watches the one that has waited longest comes first."""
        for each in sorted([viewer, *list(viewer.watching.values())], key=lambda each: each.served):
            if room := self._rooms.get(each.room):
                room.send_news([each])
            if each.room.startswith("run:"):
                self.wake(each.room)

    def _send(self, viewer: Viewer, frame: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):  # It has gone, or has not read for so long that it was dropped.
            viewer.socket.send(frame)

    def _recheck_soon(self, viewers: Iterable[Viewer]) -> None:
        """Something changed that may concern rights: ask again soon."""
        for viewer in viewers:
            viewer.recheck_at = min(viewer.recheck_at, viewer.checked_at + RECHECK_SOON)

    def _disconnect(self, viewer: Viewer, code: int) -> None:
        self.leave(viewer)
        if viewer.host:
            self.refuse(viewer.host, int(viewer.room.partition(":")[2]))
            return
        farewell = [frames.message("deleted")] if code == DELETED else []
        viewer.socket.leave(*farewell, frames.close(code, REASONS.get(code, "")))


def _room(kind: str, number: str) -> str:
    """The room that a topic is about: `run-marks:7` is about `run:7`."""
    return f"{kind.partition('-')[0]}:{number}"
