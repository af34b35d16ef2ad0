"""Sockets that many threads may write to and that never make a writer wait.

The WebSocket library writes with a bare `send`, from the handler and from its ping thread alike, so that a
slow reader blocks the writer and a short write or two threads at once spoil the frames. The server's socket
is therefore replaced, before the library sees it, by one with a lock and a bounded backlog which a single
thread drains.
"""

import contextlib
import os
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

BACKLOG_LIMIT = 1024 * 1024
# The kernel would buffer megabytes for a viewer that has stopped reading, out of sight of our own bound.
KERNEL_BUFFER = 128 * 1024
FAREWELL_PATIENCE = 1.0
SERVER_SOCKETS = ("gunicorn.socket", "werkzeug.socket")
ENVIRON_KEY = "aimanager.socket"


class SocketGuard:
    """WSGI middleware: gives WebSocket requests a guarded socket, and no compression.

    Without compression one ready-made frame serves all viewers of a run.
    """

    def __init__(self, wsgi_app: Callable[..., Iterable[bytes]]) -> None:
        self._app = wsgi_app
        self._drain = Drain()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
            for key in SERVER_SOCKETS:
                if key in environ:
                    environ[key] = environ[ENVIRON_KEY] = GuardedSocket(environ[key], self._drain)
        return self._app(environ, start_response)


class GuardedSocket:
    """What the WebSocket library needs of a socket, where `send` takes a whole frame or drops the viewer.

    `offer` is for a sender with many viewers: it refuses while anything is waiting, and `on_drained` tells when
    to try again. The server that accepted the connection closes the file descriptor; here it is only shut
    down.
    """

    def __init__(self, raw: socket.socket, drain: "Drain") -> None:
        self._raw, self._drain = raw, drain
        self._lock = threading.RLock()
        self._backlog: deque[memoryview] = deque()
        self._waiting = 0
        self._leaving = False
        self.closed = False
        self.on_drained: Callable[[], None] = _nothing
        self.on_closed: Callable[[], None] = _nothing
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def busy(self) -> bool:
        """Whether something is still waiting to be written."""
        return bool(self._waiting)

    def fileno(self) -> int:
        """The descriptor, for a selector."""
        return self._raw.fileno()

    def recv(self, size: int) -> bytes:
        """Wait for bytes from the client; none at all means that it has gone."""
        return self._raw.recv(size)

    def send(self, data: bytes) -> int:
        """Take all of `data` without waiting; raises BrokenPipeError when the viewer is gone."""
        if not self._put(data):
            raise BrokenPipeError("the viewer is gone")
        return len(data)

    def offer(self, frame: bytes) -> bool:
        """Take a frame if nothing is waiting before it; False means that the viewer is passed over."""
        with self._lock:
            return not self._waiting and self._put(frame)

    def leave(self, *frames: bytes) -> None:
        """Take the last frames, write what waits for a second at most, then shut down."""
        with self._lock:
            for frame in frames:
                self._put(frame)
            self._leaving = True
            if not self._waiting:
                self.close()
        if not self.closed:
            deadline = threading.Timer(FAREWELL_PATIENCE, self.close)
            deadline.daemon = True
            deadline.start()

    def close(self) -> None:
        """Shut down both ways: the client sees the end, and a thread that waits in `recv` wakes."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            self._backlog.clear()
            self._waiting = 0
            with contextlib.suppress(OSError):
                self._raw.shutdown(socket.SHUT_RDWR)
        self.on_closed()

    def flush(self) -> bool:
        """Write what the kernel takes; True when nothing is left to wait for. For the draining thread."""
        with self._lock:
            waited = bool(self._waiting)
            self._write()
            drained = not self._waiting
            if drained and self._leaving:
                self.close()
        if waited and drained and not self.closed:
            self.on_drained()
        return drained

    def _put(self, data: bytes) -> bool:
        with self._lock:
            if self.closed or self._leaving:
                return False
            was_idle = not self._waiting
            self._backlog.append(memoryview(data))
            self._waiting += len(data)
            if was_idle:
                self._write()
            if self._waiting > BACKLOG_LIMIT:
                self.close()
            elif self._waiting and was_idle:
                self._drain.watch(self)
            return not self.closed

    def _write(self) -> None:
        try:
            while self._backlog:
                sent = self._raw.send(self._backlog[0], socket.MSG_DONTWAIT)
                self._waiting -= sent
                if sent == len(self._backlog[0]):
                    self._backlog.popleft()
                else:
                    self._backlog[0] = self._backlog[0][sent:]
        except BlockingIOError:
            pass
        except OSError:
            self.close()


class Drain:
    """One thread that writes the backlogs of all sockets as their readers catch up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: set[GuardedSocket] = set()
        self._thread: threading.Thread | None = None
        self._bell: tuple[int, int] | None = None

    def watch(self, guarded: GuardedSocket) -> None:
        """Flush this socket as soon as it can be written to, until nothing waits."""
        with self._lock:
            self._sockets.add(guarded)
            if self._thread is None:
                self._bell = os.pipe()
                for end in self._bell:
                    os.set_blocking(end, False)
                self._thread = threading.Thread(target=self._run, args=self._bell, name="live-drain", daemon=True)
                self._thread.start()
        if self._bell:
            with contextlib.suppress(BlockingIOError):
                os.write(self._bell[1], b"!")

    def _run(self, listen: int, _ring: int) -> None:
        while True:
            poll = select.poll()
            poll.register(listen, select.POLLIN)
            with self._lock:
                watched = {guarded.fileno(): guarded for guarded in self._sockets}
            for descriptor in watched:
                if descriptor >= 0:
                    poll.register(descriptor, select.POLLOUT)
            ready = {descriptor for descriptor, _ in poll.poll()}
            if listen in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(listen, 4096)
            self._flush([g for fd, g in watched.items() if fd in ready or g.closed or fd < 0])

    def _flush(self, sockets: list[GuardedSocket]) -> None:
        for guarded in sockets:
            # A socket leaves the set before it is flushed: what is put meanwhile finds its own way back.
            with self._lock:
                self._sockets.discard(guarded)
            if not guarded.flush():
                with self._lock:
                    self._sockets.add(guarded)


def _nothing() -> None:
    """Nobody listens."""
