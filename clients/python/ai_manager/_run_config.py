"""The settings of a run as its script sees them: reading gives what was set, and what is changed is sent."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any

from ai_manager._config import Settings
from ai_manager._notices import Notices

Tell = Callable[[dict[str, Any]], None]


class Part(dict[str, Any]):
    """Settings within settings. A change of any of them tells the whole to whoever holds it; none raises for its value."""

    def __init__(self, values: dict[str, Any], name: str, notices: Notices, tell: Callable[[], None]) -> None:
        super().__init__()
        self._name, self._notices, self._tell = name, notices, tell
        self._take(values)

    def _take(self, values: dict[str, Any]) -> None:
        """Keep plain values, with parts in the place of what has parts."""
        for key, value in values.items():
            inner = isinstance(value, dict)
            super().__setitem__(key, self._part(key, value) if inner else value)

    def _part(self, key: str, value: dict[str, Any]) -> Part:
        return Part(value, f"{self._name}{key}.", self._notices, self._tell)

    def _read(self, values: Any) -> dict[str, Any]:
        """What can be stored of some values; the rest is named in a warning."""
        read = Settings(values)
        warn_of_lost(read, self._notices, self._name)
        return read.value

    def _changed(self, _values: dict[str, Any]) -> None:
        self._tell()

    def __setitem__(self, key: Any, value: Any) -> None:
        self.update({key: value})

    def update(self, *values: Any, **named: Any) -> None:
        """Set several values at once: those of a mapping or of another object that holds settings, and those given by name."""
        try:
            read = [self._read(value) for value in (*values, named)]
            changes = {key: value for part in read for key, value in part.items()}
            self._take(changes)
            if changes:
                self._changed(changes)
        except Exception as error:
            self._notices.again("config", "settings are left out: %r", error)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The value of a key, which is set where there is none."""
        if key not in self:
            self[key] = default
        return self.get(key)

    def __ior__(self, values: Any) -> Part:  # type: ignore[override,misc]
        self.update(values)
        return self

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self._tell()

    def pop(self, *key_and_default: Any) -> Any:
        """Remove a value."""
        value = super().pop(*key_and_default)
        self._tell()
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the last value."""
        item = super().popitem()
        self._tell()
        return item

    def clear(self) -> None:
        """Remove all values."""
        super().clear()
        self._tell()

    # A copy is a plain dict, whose changes change nothing.

    def copy(self) -> dict[str, Any]:
        return dict(self)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> dict[str, Any]:
        return {key: copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> Any:
        return dict, (copy.deepcopy(self),)


class RunConfig(Part):
    """All settings of a run. One that was stored stays: it can be changed, and not removed."""

    def __init__(self, values: dict[str, Any], notices: Notices, say: weakref.WeakMethod[Tell]) -> None:
        self._say = say
        super().__init__(values, "", notices, lambda: None)

    def learn(self, stored: dict[str, Any]) -> None:
        """What the server has, of a run that goes on, say. What was set here counts."""
        self._take({key: value for key, value in stored.items() if key not in self})

    def _part(self, key: str, value: dict[str, Any]) -> Part:
        return Part(value, f"{key}.", self._notices, lambda: self._changed({key: self[key]}))

    def _changed(self, values: dict[str, Any]) -> None:
        if say := self._say():  # It does not keep a run alive that the script has forgotten.
            say(copy.deepcopy(values))

    def __delitem__(self, key: Any) -> None:
        self._keep()

    def pop(self, *key_and_default: Any) -> Any:
        """The value, which stays."""
        self._keep()
        return self.get(*key_and_default)

    def popitem(self) -> tuple[str, Any]:
        """The last value, which stays."""
        self._keep()
        return next(reversed(self.items()))

    def clear(self) -> None:
        """Nothing: what was stored stays."""
        self._keep()

    def _keep(self) -> None:
        self._notices.once("config removed", "a setting of a run can be changed, and not removed")


def warn_of_lost(settings: Settings, notices: Notices, prefix: str = "") -> None:
    """Name the settings that cannot be kept."""
    for name, reason in settings.lost[:20]:
        notices.once(("config", prefix + name), "config %.200s is left out: %s", prefix + name, reason)
