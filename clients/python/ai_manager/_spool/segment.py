"""A stretch of the log, in a file or, while no file can be written, in memory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ai_manager._spool.record import HEAD_BYTES, Head, read_head

SUFFIX = ".spool"
BYTES = 16 << 20  # A segment is closed when it has grown to this.


class FileSegment:
    """One file of records; the process that made it appends, anybody reads."""

    in_memory = False

    def __init__(self, path: Path, head: Head, fd: int = -1) -> None:
        self.number = int(path.name[: -len(SUFFIX)])
        self.head = head
        self.end = HEAD_BYTES  # Where the next record goes; only whole records are before it.
        self._path = path
        self._fd = fd

    @classmethod
    def create(cls, folder: Path, number: int, head: Head) -> FileSegment:
        """A new file, for its owner alone. Raises OSError."""
        path = folder / f"{number:06d}{SUFFIX}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            if os.write(fd, head.pack()) != HEAD_BYTES:
                raise OSError("disk full")
        except OSError:
            os.close(fd)
            path.unlink()
            raise
        return cls(path, head, fd)

    @classmethod
    def open(cls, path: Path) -> FileSegment | None:
        """A segment of another process, as long as it is now; None when it has no whole head. Raises OSError, NewerFormat."""
        with path.open("rb") as file:
            head = read_head(file.read(HEAD_BYTES))
        if head is None:
            return None
        segment = cls(path, head)
        segment.end = path.stat().st_size
        return segment

    def append(self, data: bytes) -> None:
        """Write a record whole, or raise OSError and leave no trace of it."""
        if os.write(self._fd, data) != len(data):
            # What was written of it would hide everything behind it.
            os.ftruncate(self._fd, self.end)
            os.lseek(self._fd, self.end, os.SEEK_SET)
            raise OSError("disk full")
        self.end += len(data)

    def read(self, start: int, size: int) -> bytes:
        """The bytes from an offset on, as far as they are. Raises OSError."""
        if self._fd >= 0 and hasattr(os, "pread"):
            # Also when somebody removed the file meanwhile.
            return os.pread(self._fd, min(size, max(0, self.end - start)), start)
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(min(size, max(0, self.end - start)))

    def duplicate(self) -> FileSegment:
        """The same file once more, to flush while the other one goes on, and may be closed."""
        twin = FileSegment(self._path, self.head, os.dup(self._fd) if self._fd >= 0 else -1)
        twin.end = self.end
        return twin

    def flush(self) -> None:
        """Make it survive a power cut."""
        if self._fd >= 0:
            getattr(os, "fdatasync", os.fsync)(self._fd)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)

    def discard(self) -> None:
        """Remove it: the server has everything."""
        self.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


class MemorySegment:
    """The same without a disk, for as long as the process lives."""

    in_memory = True

    def __init__(self, number: int, head: Head) -> None:
        self.number = number
        self.head = head
        self._data = bytearray(head.pack())

    @property
    def end(self) -> int:
        return len(self._data)

    def append(self, data: bytes) -> None:
        self._data += data

    def read(self, start: int, size: int) -> bytes:
        return bytes(self._data[start : start + size])

    def duplicate(self) -> MemorySegment:
        return MemorySegment(self.number, self.head)

    def flush(self) -> None:
        """Nothing can be done."""

    def close(self) -> None:
        """Nothing is open."""

    def discard(self) -> None:
        self._data = bytearray()
