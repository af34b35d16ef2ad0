"""A small process between a script's output and where it went: passes everything on at once and keeps a copy to be fetched.

It is a process because a thread could not do it: code that prints while it holds the interpreter's lock would wait for the
thread for ever, and what was printed just before a crash would be lost. It ends when nobody can print any more.

The script asks over a socket for each answer with `TAKE`, and wants everything at once after `FLUSH` or, when it prints no
more, `END`. An answer is a header (the size of what follows, bytes that had to be left out, whether that was everything,
which streams cannot be written any more) and pieces (stream, time, size, bytes). Started by its path, so that it imports
nothing of the package.

What a script that dies did not fetch, and often the reason is in it, is left in a file, without the secrets that come as
JSON on the standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time
from collections import deque

TAKE, FLUSH, END = b"t", b"f", b"e"
HEADER = struct.Struct("<IQ?B")
PIECE = struct.Struct("<BdI")
CHUNK = 1 << 16  # Bytes read, and answered, at a time: an answer fits into the socket's buffer, so sending never waits.
MOST = 128 << 20  # Bytes kept for a script that prints faster than it fetches.
MOST_LEFT = 1 << 20  # Bytes left in the file.
HIDDEN = b"***"
MOST_AT_END = 4 << 20  # Bytes still taken from each stream when the script ends.
COALESCE = 0.05  # Seconds in which what comes of one stream is one piece.
GATHER = 0.25  # Seconds between two answers while there is output.
SILENCE = 2.0  # Seconds until an answer without any.
RESIZE = 1.0  # Seconds between two looks at the size of the terminal.


class Stream:
    """The script's end of one stream, and where it went before."""

    def __init__(self, number: int, source: int, target: int) -> None:
        self.number, self.source, self.target = number, source, target
        self.is_open = True  # Whether somebody may still print.
        self.is_broken = False  # Whether nobody reads the target any more.
        self.size: bytes | None = None  # Of the window, for a terminal.
        os.set_blocking(source, False)

    def pass_on(self) -> bytes | None:
        """What was printed since, already written to where it belongs; None when there is nothing now, empty at the end."""
        try:
            data = os.read(self.source, CHUNK)
        except BlockingIOError:
            return None
        except OSError:  # A terminal whose last writer is gone.
            return b""
        if not self.is_broken:
            self._write(data)
        return data

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self.target, data) :]
            except BlockingIOError:
                with selectors.DefaultSelector() as waiting:
                    waiting.register(self.target, selectors.EVENT_WRITE)
                    waiting.select()
            except BrokenPipeError:
                self.is_broken = True
                return
            except OSError:  # A full disk, a terminal that was closed: the script goes on, as it always can.
                return

    def resize(self) -> None:
        """Tell the script's terminal the size of the real one."""
        if os.isatty(self.source):
            import fcntl
            import termios

            try:
                size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, bytes(8))
                if size != self.size:
                    fcntl.ioctl(self.source, termios.TIOCSWINSZ, size)
                self.size = size
            except OSError:
                self.size = None


class Copy:
    """What was printed and not fetched yet, bounded: the oldest is left out, and counted."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, float, bytes]] = deque()
        self._bytes = 0
        self._left_out = 0

    def __len__(self) -> int:
        return self._bytes

    def keep(self, stream: int, data: bytes) -> None:
        now = time.time()
        self._bytes += len(data)
        if self._pieces:
            number, when, before = self._pieces[-1]
            if number == stream and now - when < COALESCE and len(before) + len(data) <= CHUNK:
                self._pieces[-1] = stream, when, before + data
                return
        self._pieces.append((stream, now, data))
        while self._bytes > MOST:
            oldest = len(self._pieces.popleft()[2])
            self._bytes -= oldest
            self._left_out += oldest

    def take(self, broken: int, is_hurried: bool) -> bytes:
        """An answer with the oldest pieces."""
        body: list[bytes] = []
        size = 0
        while self._pieces and size + PIECE.size + len(self._pieces[0][2]) <= CHUNK + PIECE.size:
            stream, when, data = self._pieces.popleft()
            body += PIECE.pack(stream, when, len(data)), data
            size += PIECE.size + len(data)
            self._bytes -= len(data)
        left_out, self._left_out = self._left_out, 0
        return HEADER.pack(size, left_out, is_hurried and not self._pieces, broken) + b"".join(body)

    def leave(self, path: str, secrets: list[bytes]) -> None:
        """Write the newest to a file that only this user can read; where that fails, it is lost."""
        left: list[tuple[int, float, bytes]] = []
        size = 0
        while self._pieces and size < MOST_LEFT:
            stream, when, data = self._pieces.pop()
            size += len(data)
            if left and left[-1][0] == stream:
                data += left.pop()[2]
            left.append((stream, when, data))
        if not left:
            return
        with contextlib.suppress(OSError):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            for stream, when, data in reversed(left):
                for secret in secrets:
                    data = data.replace(secret, HIDDEN)
                os.write(file, PIECE.pack(stream, when, len(data)) + data)


class Pump:
    """The process's one loop."""

    def __init__(self, control: socket.socket, streams: list[Stream], left: str, secrets: list[bytes]) -> None:
        self._left, self._secrets = left, secrets
        self._control: socket.socket | None = control
        self._streams = streams
        self._copy = Copy()
        self._is_asked = self._is_hurried = self._is_ending = self._is_done = False
        self._answered_at = self._resized_at = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        for stream in streams:
            self._selector.register(stream.source, selectors.EVENT_READ, stream)
            stream.resize()

    def run(self) -> None:
        """Until nobody can print any more, and the script has the copy or is gone."""
        while any(stream.is_open for stream in self._streams) or (self._control and not self._is_done):
            for key, _ in self._selector.select(self._patience()):
                if key.data is None:
                    self._listen()
                else:
                    self._pump(key.data)
            if self._is_asked and self._patience() == 0.0:
                self._answer()

    def _patience(self) -> float | None:
        """Seconds until an answer is due; None when none was asked for."""
        if not self._is_asked:
            return None
        if self._is_hurried or len(self._copy) >= CHUNK:
            return 0.0
        pause = GATHER if len(self._copy) else SILENCE
        return max(0.0, self._answered_at + pause - time.monotonic())

    def _pump(self, stream: Stream) -> bool:
        """Pass on what is there; False when nothing was."""
        data = stream.pass_on()
        if data:
            if self._control and not self._is_ending:
                self._copy.keep(stream.number, data)
            if time.monotonic() - self._resized_at > RESIZE:
                self._resized_at = time.monotonic()
                stream.resize()
        elif data is not None and stream.is_open:
            self._selector.unregister(stream.source)
            stream.is_open = False
        return bool(data)

    def _listen(self) -> None:
        """What the script says."""
        assert self._control  # noqa: S101
        try:
            words = self._control.recv(64)
        except OSError:
            words = b""
        if not words:
            self._hang_up()
        if TAKE in words:
            self._is_asked = True
        if END in words or FLUSH in words:
            self._drain()
            self._is_hurried = True
            self._is_ending = END in words

    def _drain(self) -> None:
        """What the script printed until now is in the pipes; what other processes go on printing may be without an end."""
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                for _ in range(MOST_AT_END // CHUNK):
                    if not self._pump(key.data):
                        break

    def _answer(self) -> None:
        assert self._control  # noqa: S101
        broken = sum(1 << stream.number for stream in self._streams if stream.is_broken)
        try:
            self._control.sendall(self._copy.take(broken, self._is_hurried))
        except OSError:
            self._hang_up()
        self._is_asked = False
        if not len(self._copy):
            self._is_done = self._is_ending
            self._is_hurried = self._is_ending
        self._answered_at = time.monotonic()

    def _hang_up(self) -> None:
        """The script is gone, or does not want to know; whoever else prints is still heard by those who read."""
        if self._control:
            self._selector.unregister(self._control)
            if self._left and not self._is_ending:
                self._drain()
                self._copy.leave(self._left, self._secrets)
            self._control.close()
        self._control = None
        self._is_asked = False
        self._copy = Copy()


def _bytes_of(text: str) -> bytes:
    """Text as it is printed; of the environment it may have had bytes that are no text."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def main(arguments: list[str]) -> None:
    """`pump.py CONTROL LEFT NUMBER:SOURCE:TARGET...`: file descriptors, and the file for what is left."""
    secrets = [_bytes_of(secret) for secret in json.load(sys.stdin)]
    if os.fork():
        os._exit(0)  # A process that is nobody's child is in nobody's way: a script may wait for all of its children.
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTTOU"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    os.chdir("/")
    streams = [Stream(*map(int, argument.split(":"))) for argument in arguments[2:]]
    Pump(socket.socket(fileno=int(arguments[0])), streams, arguments[1], secrets).run()


if __name__ == "__main__":
    main(sys.argv[1:])
