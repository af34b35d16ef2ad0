"""The code that the script ends with, which Python tells no exit hook."""

from __future__ import annotations

import contextlib
import gc
import sys
from typing import Any


class Exits:
    """Notices with which code the interpreter leaves the script, however that was said: `sys.exit`, `raise SystemExit`, `exit()`.

    When a SystemExit has ended the script, the interpreter looks at its `code`, with no frame of Python left: nobody
    else ever does so. `SystemExit.code` is replaced by a descriptor that says the same and sees that. Where an
    interpreter does not allow for that, no code is known.
    """

    def __init__(self) -> None:
        self.code: Any = None
        self._is_watching = False

    def watch(self) -> None:
        """Begin, once; called when the first run begins."""
        if self._is_watching:
            return
        self._is_watching = True
        with contextlib.suppress(Exception):
            member = vars(SystemExit)["code"]
            (members,) = gc.get_referents(vars(SystemExit))
            if members["code"] is member:
                members["code"] = _Code(member, self)
                getattr(sys, "_clear_internal_caches", sys._clear_type_cache)()
                _make_exceptions_of_exits()


class _Code:
    """Stands for the member `code` of SystemExit."""

    def __init__(self, member: Any, exits: Exits) -> None:
        self._member, self._exits = member, exits

    def __get__(self, error: SystemExit | None, kind: type | None = None) -> Any:
        code = self._member.__get__(error, kind)
        if error is not None and sys._getframe().f_back is None:
            self._exits.code = code
        return code

    def __set__(self, error: SystemExit, code: Any) -> None:
        self._member.__set__(error, code)

    def __delete__(self, error: SystemExit) -> None:
        self._member.__delete__(error)


def _make_exceptions_of_exits() -> None:
    """Until Python 3.12, `sys.exit` leaves a bare code behind, of which an exception is made only when it is caught."""
    original = sys.exit

    def exit_(code: Any = None, /) -> None:
        try:
            original(code)
        except SystemExit:
            raise

    if sys.version_info < (3, 12):
        sys.exit = exit_  # type: ignore[assignment]


exits = Exits()
