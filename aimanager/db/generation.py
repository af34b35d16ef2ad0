"""Whether anything was changed since: a number beside a SQLite database that all its processes see.

Services count it up after each commit, behind the gate, so no two do it at once. Ingest does not: points change nothing
of what is remembered by it. Reading it costs a look into shared memory.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

_NUMBER = struct.Struct("<q")


class Generation:
    """The number in a file of eight bytes, mapped into memory."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(handle, _NUMBER.size)
            self._shared = mmap.mmap(handle, _NUMBER.size)
        finally:
            os.close(handle)

    def read(self) -> int:
        return _NUMBER.unpack_from(self._shared)[0]

    def count_up(self) -> None:
        """Call it behind the gate, after the commit."""
        _NUMBER.pack_into(self._shared, 0, self.read() + 1)
