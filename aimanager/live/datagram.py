"""The bus between the processes of one machine: a unix datagram socket for each in a common directory.

A datagram holds topics, one a line. Whoever publishes sends it to every socket that is there, without
waiting: a full buffer loses the message, which is harmless, and a socket whose process is gone is removed.
"""

import errno
import hashlib
import os
import secrets
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from .base import LiveBus
from .outbox import Outbox

PATH_LIMIT = 107  # Linux keeps a unix socket's path in 108 bytes, the last of them zero.
NAME_LENGTH = len("/1234567-0123456789.sock")
DATAGRAM_LIMIT = 32_768


class DatagramBus(LiveBus):
    """Wakes the processes that share a data directory."""

    shared = True

    def __init__(self, data_dir: Path) -> None:
        super().__init__()
        self.directory = run_directory(Path(data_dir))
        self._name = f"{os.getpid()}-{secrets.token_hex(5)}.sock"
        self._inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._inbox.bind(str(self.directory / self._name))
        self._out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._out.setblocking(False)
        self._outbox = Outbox("live-datagrams", self._send)
        self._closed = False
        self._reader = threading.Thread(target=self._listen, name="live-inbox", daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Leave the directory and end both threads."""
        super().close()
        if self._closed:
            return
        self._closed = True
        self._outbox.close()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as waker:
            waker.setblocking(False)
            deliver(waker, b"", self.directory / self._name)
        self._reader.join(timeout=2)
        (self.directory / self._name).unlink(missing_ok=True)
        self._inbox.close()
        self._out.close()

    def _forward(self, topic: str) -> None:
        self._outbox.put(topic)

    def _send(self, topics: list[str]) -> None:
        others = [entry for entry in self.directory.glob("*.sock") if entry.name != self._name]
        for datagram in pack(topics):
            for path in others:
                deliver(self._out, datagram, path)

    def _listen(self) -> None:
        self._inbox.settimeout(1)  # A wake-up of `close` that found a full buffer must not leave the thread behind.
        while not self._closed:
            try:
                datagram = self._inbox.recv(2 * DATAGRAM_LIMIT)
            except TimeoutError:
                continue
            for topic in datagram.decode(errors="replace").split("\n"):
                if topic:
                    self._notify(topic)


def pack(topics: list[str]) -> Iterator[bytes]:
    """Join topics to datagrams of a size that every kernel takes."""
    lines: list[bytes] = []
    for line in (topic.encode() for topic in topics):
        if sum(map(len, lines)) + len(lines) + len(line) > DATAGRAM_LIMIT:
            yield b"\n".join(lines)
            lines = []
        lines.append(line)
    yield b"\n".join(lines)


def deliver(sender: socket.socket, datagram: bytes, path: Path) -> None:
    """Send without waiting; sweep away a socket that nobody reads any more."""
    try:
        sender.sendto(datagram, str(path))
    except OSError as error:
        if error.errno == errno.ECONNREFUSED:
            path.unlink(missing_ok=True)


def run_directory(data_dir: Path) -> Path:
    """The directory for sockets: `run` in the data directory, or a private one with a shorter path."""
    directory = data_dir.resolve() / "run"
    if len(os.fsencode(directory)) + NAME_LENGTH > PATH_LIMIT:
        digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
        directory = Path(tempfile.gettempdir()) / f"aimgr-{os.getuid()}-{digest}"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    # The temporary directory is everybody's: what lies there under our name may be somebody else's trap.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise PermissionError(f"{directory} belongs to somebody else")
    directory.chmod(0o700)
    return directory
