"""One thread sends what is new to everybody who looks at it.

A wake-up says which run to look at. The hub then reads the store from where its viewers are, once for all
who are at the same point, makes one frame and offers it to each of their sockets. Nobody has a queue: a
viewer who has not read the last frame is passed over, and gets all that came meanwhile in one frame later.
Sending is paced by what it costs, so that many viewers never slow the server down.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from . import frames
from .base import LiveBus
from .news import News
from .relay import Relay
from .rooms import Rooms
from .source import PointSource
from .viewer import Room, Viewer

log = logging.getLogger(__name__)

RESTARTING, SIGNED_OUT, FORBIDDEN, DELETED = 1012, 4401, 4403, 4404
REASONS = {
    RESTARTING: "the server restarts",
    SIGNED_OUT: "signed out",
    FORBIDDEN: "not allowed to read this any more",
    DELETED: "deleted",
}
PACE = {
    "run": 0.05,
    "run-facts": 0.05,
    "run-marks": 0.5,
    "run-logs": 0.2,
    "run-alerts": 0.2,
    "project-alerts": 0.5,
    "project": 0.5,
    "home": 2.0,
}  # Seconds between two messages to the same room.
REST = 4  # A round that took a second is followed by at least four of rest.
PING_EVERY, FACTS_EVERY, WATCHED_EVERY = 20.0, 5.0, 2.0
FACTS_ROUND = 0.1  # Seconds after which the facts of the remaining runs are left for the next second.
RECHECK_EVERY, RECHECK_SOON = 45.0, 5.0
LOG_EVERY = 60.0


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
        self._due_at: dict[str, float] = {}  # When to look at a topic.
        self._not_before: dict[str, float] = {}  # Until when a topic rests.
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._logged_at = 0.0
        self.closed = False
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
        self._chores: list[tuple[float, Callable[[], None]]] = [
            (look_every, self._look_for_points),
            (1.0, self._check_rights),
            (1.0, self._refresh_facts),
            (PING_EVERY, self._ping),
            (WATCHED_EVERY, self._announce_watched),
        ]
        bus.subscribe(self.wake)

    # Called by the routes of the sockets and by the bus, on any thread.

    def join(self, viewer: Viewer) -> None:
        """Begin to send to a viewer what comes after its cursor."""
        viewer.socket.on_drained = lambda: self._catch_up(viewer)
        self._rooms.enter(viewer)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live-hub", daemon=True)
                self._thread.start()
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
            with self._changed:
                if topic not in self._due_at:
                    self._due_at[topic] = self._not_before.get(topic, 0.0)
                    self._changed.notify()

    def close(self, code: int = RESTARTING) -> None:
        """Say goodbye to everybody and end the thread."""
        with self._changed:
            self.closed = True
            self._changed.notify()
        for viewer in self._rooms.hosts():
            self._disconnect(viewer, code)

    # The thread.

    def _run(self) -> None:
        began = time.monotonic()
        upcoming = [began + every for every, _ in self._chores]
        while not self.closed:
            for topic in self._wait(min(upcoming)):
                kind, _, number = topic.partition(":")
                self._run_safely(self._handlers[kind], int(number))
            for place, (every, chore) in enumerate(self._chores):
                if upcoming[place] <= time.monotonic():
                    self._run_safely(chore)
                    upcoming[place] = time.monotonic() + every

    def _wait(self, until: float) -> list[str]:
        """The topics whose time has come; waits for the first of them, or until the next chore."""
        with self._changed:
            first = min([until, *self._due_at.values()])
            if first > time.monotonic() and not self.closed:
                self._changed.wait(first - time.monotonic())
            now = time.monotonic()
            ready = [topic for topic, at in self._due_at.items() if at <= now]
            for topic in ready:
                del self._due_at[topic]
            return ready

    def _run_safely(self, work: Callable[..., None], *arguments: int) -> None:
        try:
            work(*arguments)
        except Exception:  # The database may be away for a while: the chores look again every few seconds.
            if time.monotonic() - self._logged_at > LOG_EVERY:
                self._logged_at = time.monotonic()
                log.exception("The live hub could not read the store; it keeps trying")

    def _pause(self, topic: str, spent: float) -> None:
        """Let a topic rest, the longer the more its last round has cost."""
        pace = PACE[topic.partition(":")[0]]
        self._not_before[topic] = time.monotonic() + max(pace, REST * spent)

    # What there is to do for a topic.

    def _points(self, run: int) -> None:
        room = self._rooms.get(f"run:{run}")
        if room is None:
            return
        began = time.monotonic()
        has_more = self._relay.advance(run, room.viewers)
        self._pause(f"run:{run}", time.monotonic() - began)
        if has_more:
            # The pace makes live frames few and full; a viewer that catches up gets full ones anyway.
            now = time.monotonic()
            self._not_before[f"run:{run}"] = now + (now - began)
            self.wake(f"run:{run}")

    def _facts(self, run: int) -> None:
        room = self._rooms.get(f"run:{run}")
        if room is not None:
            began = time.monotonic()
            self._send_facts(run, room)
            self._recheck_soon(room.viewers)
            self._pause(f"run-facts:{run}", time.monotonic() - began)

    def _marks(self, run: int) -> None:
        room = self._rooms.get(f"run:{run}")
        if room is not None:
            marks = frames.message("marks", run_id=run)
            for viewer in room.viewers:
                self._send(viewer, marks)
            self._pause(f"run-marks:{run}", 0.0)

    def _logs(self, run: int) -> None:
        room = self._rooms.get(f"run:{run}")
        if room is not None:
            began = time.monotonic()
            room.last_line = self._last_lines([run]).get(run, 0)
            logs = frames.message("logs", run_id=run, last_line=room.last_line)
            for viewer in room.viewers:
                self._send(viewer, logs)
            self._pause(f"run-logs:{run}", time.monotonic() - began)

    def _run_alerts(self, run: int) -> None:
        self._say_alerts(f"run:{run}", frames.message("alerts", run_id=run))
        self._pause(f"run-alerts:{run}", 0.0)

    def _project_alerts(self, project: int) -> None:
        self._say_alerts(f"project:{project}", frames.message("alerts", project_id=project))
        self._pause(f"project-alerts:{project}", 0.0)

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
        self._pause(f"project:{project}", time.monotonic() - began)

    def _home(self, user: int) -> None:
        room = self._rooms.get(f"home:{user}")
        if room is not None:
            began = time.monotonic()
            room.announce(frames.message("project"))
            self._pause(f"home:{user}", time.monotonic() - began)

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
        now, ping = time.monotonic(), frames.message("ping")
        self._not_before = {topic: until for topic, until in self._not_before.items() if until > now}
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
