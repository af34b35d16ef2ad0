"""The script's side of the pump: file descriptors 1 and 2 lead through it, so that libraries and children are heard."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ai_manager._capture.pump import CHUNK, END, FLUSH, HEADER, PIECE, TAKE

Deliver = Callable[[int, float, bytes], None]  # A descriptor's number, seconds since 1970, what was printed.

SHARE = 3  # Seconds that the fetching thread pauses for each second that it worked: it takes a quarter at most.
RESTARTS = 3  # Pumps that take the place of one that was killed.
PIPE = 1 << 18  # Bytes that wait in a pipe, where the system allows so much.


class _Taken:
    """One descriptor, and the pipe or terminal that stands in its place."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.saved = _high(os.dup(number))
        try:
            self.source, self.sink = _terminal(number) if os.isatty(number) else _pipe()
        except OSError:
            os.close(self.saved)
            raise
        self._identity = _identity(self.sink)

    def replace(self) -> None:
        os.dup2(self.sink, self.number)
        os.close(self.sink)

    def restore(self) -> None:
        """Put back what was there, unless somebody else has put something in its place meanwhile."""
        with contextlib.suppress(OSError):
            if _identity(self.number) == self._identity:
                os.dup2(self.saved, self.number)

    def close(self) -> None:
        for descriptor in (self.source, self.saved):
            with contextlib.suppress(OSError):
                os.close(descriptor)


class Descriptors:
    """Takes descriptors over until `stop`, and delivers copies of what is printed to them from a thread of its own.

    Should the pump be killed, another takes its place, so that all is passed on in the order in which it was printed.
    Where that cannot be, the descriptors are put back and what waits in the pipes is passed on by the thread.
    """

    def __init__(
        self,
        numbers: Iterable[int],
        deliver: Deliver,
        left_out: Callable[[int], None],
        left: str = "",
        secrets: Iterable[str] = (),
    ) -> None:
        """`left` names the file for what this process does not live to fetch, without these secrets.

        Raises OSError when the system does not let us; nothing is changed then.
        """
        self._deliver, self._left_out = deliver, left_out
        self._left, self._secrets = left, list(secrets)
        self._restarts = RESTARTS
        self._word = FLUSH  # What the pump is told when it should hurry.
        self._hurry, self._flushed = threading.Event(), threading.Event()
        self._is_ending = False
        self._taken: list[_Taken] = []
        self._control: socket.socket | None = None
        try:
            for number in numbers:
                self._taken.append(_Taken(number))
            self._start()
        except BaseException:
            for taken in self._taken:
                os.close(taken.sink)
            self._close()
            raise
        _flush()
        for taken in self._taken:
            taken.replace()
        self._thread = threading.Thread(target=self._follow, name="ai-manager-console", daemon=True)
        self._thread.start()

    def flush(self, patience: float) -> None:
        """Deliver what was printed until now, or as much as can be within `patience` seconds."""
        _flush()
        self._flushed.clear()
        self._word = FLUSH
        self._hurry.set()
        if self._say(FLUSH):
            self._flushed.wait(patience)
        self._hurry.clear()

    def stop(self, patience: float) -> bool:
        """Put everything back; whether all that was printed was delivered within `patience` seconds."""
        _flush()
        for taken in self._taken:
            taken.restore()
        self._is_ending = True
        self._word = END
        self._hurry.set()
        self._say(END)
        self._thread.join(patience)
        return not self._thread.is_alive()

    def forget(self) -> None:
        """In a forked child, which goes on printing through its parent's pump, and has no thread."""
        self._close()

    def marks(self) -> list[str]:
        """What tells a child process that its descriptors are heard already."""
        return [":".join(map(str, _identity(taken.number))) for taken in self._taken]

    def _start(self) -> None:
        """Start a pump, in the place of the one before if there was one; raises OSError when that cannot be."""
        ours, theirs = (socket.socket(fileno=_high(end.detach())) for end in socket.socketpair())
        try:
            self._pump = self._spawn(theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        before, self._control = self._control, ours
        if before:
            before.close()

    def _spawn(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        streams = [f"{taken.number}:{taken.source}:{taken.saved}" for taken in self._taken]
        descriptors = [theirs.fileno(), *(fd for taken in self._taken for fd in (taken.source, taken.saved))]
        program = str(Path(__file__).with_name("pump.py"))
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", program, str(theirs.fileno()), self._left, *streams],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=descriptors,
            start_new_session=True,
        )
        with contextlib.suppress(OSError), process.stdin or contextlib.nullcontext() as words:
            if words:
                words.write(json.dumps(self._secrets).encode("ascii"))
        return process

    def _follow(self) -> None:
        while True:
            self._pump.wait()  # It has left a child, which works, and is done.
            try:
                while not self._fetch():
                    pass
                break
            except (OSError, EOFError):
                if not self._restart():
                    self._rescue()
                    break
        self._close()

    def _restart(self) -> bool:
        """Whether another pump works in the place of one that was killed."""
        if self._is_ending or not self._restarts:
            return False
        self._restarts -= 1
        try:
            self._start()
        except OSError:
            return False
        if self._hurry.is_set():  # What was said meanwhile was said to the one that is gone.
            self._say(self._word)
        return True

    def _say(self, word: bytes) -> bool:
        """Whether the pump could be told."""
        with contextlib.suppress(OSError, AttributeError):
            self._control.sendall(word)  # type: ignore[union-attr]
            return True
        return False

    def _fetch(self) -> bool:
        """Deliver one answer of the pump; whether it was the last."""
        if not self._say(TAKE):
            raise EOFError
        size, left_out, is_everything, broken = HEADER.unpack(self._receive(HEADER.size))
        body = self._receive(size)
        started = time.thread_time()
        if left_out:
            self._left_out(left_out)
        at = 0
        while at < size:
            number, when, length = PIECE.unpack_from(body, at)
            at += PIECE.size + length
            self._deliver(number, when, body[at - length : at])
        if not size:
            self._deliver(0, time.time(), b"")
        for taken in self._taken:
            if broken >> taken.number & 1:
                taken.restore()  # So that the script notices by itself that nobody reads it.
        if is_everything:
            self._flushed.set()
        else:
            self._hurry.wait(SHARE * (time.thread_time() - started))
        return is_everything and self._is_ending

    def _receive(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._control.recv(size - len(parts)) if self._control else b""
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def _rescue(self) -> None:
        """The pump was killed: print what waits, and whatever children go on printing."""
        with selectors.DefaultSelector() as waiting:
            for taken in self._taken:
                taken.restore()
                waiting.register(taken.source, selectors.EVENT_READ, taken)
            while waiting.get_map():
                for key, _ in waiting.select():
                    data = b""
                    with contextlib.suppress(OSError):
                        data = os.read(key.fd, CHUNK)
                    if not data:
                        waiting.unregister(key.fd)
                    with contextlib.suppress(OSError):
                        os.write(key.data.saved, data)
                    self._deliver(key.data.number, time.time(), data)

    def _close(self) -> None:
        self._flushed.set()
        if self._control:
            self._control.close()
        for taken in self._taken:
            taken.close()


def possible() -> bool:
    """Whether a process of our own can stand between.

    Not beside a prompt, which speaks with the terminal in both directions; not as the first process of a container,
    with which all others end at once.
    """
    return (
        os.name == "posix"
        and os.getpid() != 1
        and not hasattr(sys, "ps1")
        and not getattr(sys, "frozen", False)
        and os.path.basename(sys.executable or "").startswith(("python", "pypy"))
    )


def _identity(descriptor: int) -> tuple[int, int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_rdev


def _high(descriptor: int) -> int:
    """The same above 2: a closed standard stream must stay closed."""
    if descriptor > 2:
        return descriptor
    import fcntl

    higher = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(descriptor)
    return higher


def _pipe() -> tuple[int, int]:
    import fcntl

    source, sink = map(_high, os.pipe())
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(sink, getattr(fcntl, "F_SETPIPE_SZ", 1031), PIPE)
    return source, sink


def _terminal(like: int) -> tuple[int, int]:
    """A terminal as another is, but which leaves newlines to that one."""
    import fcntl
    import pty
    import termios

    source, sink = map(_high, pty.openpty())
    with contextlib.suppress(termios.error, OSError):
        fcntl.ioctl(source, termios.TIOCSWINSZ, fcntl.ioctl(like, termios.TIOCGWINSZ, bytes(8)))
        settings = termios.tcgetattr(like)
        settings[1] &= ~termios.OPOST
        termios.tcsetattr(sink, termios.TCSANOW, settings)
    return source, sink


def _flush() -> None:
    """What Python and the C library still hold back belongs to what comes before."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    with contextlib.suppress(Exception):
        import ctypes

        library = ctypes.CDLL(None)
        for name in ("stdout", "__stdoutp"):
            with contextlib.suppress(ValueError):
                library.fflush(ctypes.c_void_p.in_dll(library, name))
