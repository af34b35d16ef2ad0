"""Settings of any library as JSON: whatever holds them keeps its shape, and what cannot be kept is lost alone, by name."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import PurePath
from typing import Any

from ai_manager._values import INT64, whole

LARGEST = (1 << 20) - (16 << 10)  # Bytes of JSON that the server takes, with room for what is added later.
DEEPEST = 20
MOST_PARTS = 10_000
LONGEST_TEXT = 10_000  # Characters kept of an object that has only its str().
LARGEST_ARRAY = 1_000  # Elements of an array that still reads as a setting and not as data.


class Lost(Exception):
    """A value that cannot be kept; the words say why."""


class Settings:
    """Settings as a JSON object, and what was lost of them: `value` and `lost`, as pairs of name and reason."""

    def __init__(self, settings: Any) -> None:
        self.lost: list[tuple[str, str]] = []
        value = {} if settings is None else self._keep(settings, (), ())
        self.value: dict[str, Any] = value if isinstance(value, dict) else {"config": value}
        self._fit()

    def _keep(self, value: Any, name: tuple[str, ...], within: tuple[int, ...]) -> Any:
        if id(value) in within:
            raise Lost("it holds itself")
        if len(within) > DEEPEST:
            raise Lost(f"it is more than {DEEPEST} levels deep")
        parts = _parts(value)
        if parts is None:
            return _leaf(value)
        if len(parts) > MOST_PARTS:
            raise Lost(f"it has {len(parts)} parts, more than {MOST_PARTS}")
        inside = (*within, id(value))
        if isinstance(parts, Mapping):
            kept = {}
            for key, get in parts.items():
                part_name = (*name, _key(key))
                for part in self._try(get, part_name, inside):
                    kept[part_name[-1]] = part
            return kept
        return [part for place, get in enumerate(parts) for part in self._try(get, (*name, str(place)), inside)]

    def _try(self, get: Any, name: tuple[str, ...], within: tuple[int, ...]) -> Iterator[Any]:
        """The one value, or none when it is lost."""
        try:
            yield self._keep(get(), name, within)
        except Lost as reason:
            self.lost.append((".".join(name), str(reason)))
        except Exception as error:
            first_line = (str(error).splitlines() or [""])[0]
            self.lost.append((".".join(name), f"{type(error).__name__}: {first_line[:200]}"))

    def _fit(self) -> None:
        """Lose the largest values until the rest is no more than the server takes."""
        size = len(json.dumps(self.value))
        if size <= LARGEST:
            return
        leaves = [(len(json.dumps(value)) + len(str(name[-1])) + 6, name) for name, value in _leaves(self.value)]
        for bytes_of_leaf, name in sorted(leaves, key=lambda leaf: -leaf[0]):
            if size <= LARGEST:
                break
            holder: Any = self.value
            for part in name[:-1]:
                holder = holder[part]
            del holder[name[-1]]
            size -= bytes_of_leaf
            self.lost.append((".".join(map(str, name)), f"all settings together may have {LARGEST} bytes"))


def _leaves(value: Any, name: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Each value in a nested object, lists as wholes, with the keys that lead there."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _leaves(part, (*name, key))
    elif name:
        yield name, value


def _parts(value: Any) -> Mapping[Any, Any] | list[Any] | None:
    """Functions that get the parts of whatever has parts, by name or in order; None for what has none.

    Libraries are known by what their objects have, so none of them is imported here.
    """
    kind = type(value)
    if value is None or isinstance(value, (str, bytes, int, float, enum.Enum, type)):
        return None
    if isinstance(value, Mapping) or (callable(getattr(value, "keys", None)) and hasattr(kind, "__getitem__")):
        # One by one, for one of them may be what cannot be read: an interpolation, a value that must be set.
        return {key: lambda key=key: value[key] for key in value.keys()}  # noqa: SIM118 - not all can be iterated
    names = _field_names(value, kind)
    if names is not None:
        return {name: lambda name=name: getattr(value, name) for name in names}
    if isinstance(value, Set):
        return [lambda part=part: part for part in sorted(value, key=repr)]
    if isinstance(value, Sequence):
        return [lambda place=place: value[place] for place in range(len(value))]
    to_list = getattr(value, "tolist", None)
    if callable(to_list) and _elements(value) <= LARGEST_ARRAY:
        plain = to_list()
        return [lambda part=part: part for part in plain] if isinstance(plain, list) else None
    return None


def _field_names(value: Any, kind: type) -> list[str] | None:
    """The names of an object's fields, if it is made of fields: dataclass, attrs, pydantic, named tuple, namespace."""
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    if hasattr(kind, "__attrs_attrs__"):
        return [field.name for field in kind.__attrs_attrs__]
    for fields in ("model_fields", "__fields__"):  # pydantic 2, pydantic 1
        if isinstance(getattr(kind, fields, None), Mapping):
            return [*getattr(kind, fields), *(getattr(value, "model_extra", None) or {})]
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return list(kind._fields)
    texts = [getattr(kind, method) for method in ("__str__", "__repr__")]
    has_text = texts != [object.__str__, object.__repr__]
    if kind.__name__ in ("Namespace", "SimpleNamespace") or not has_text:
        return [name for name in getattr(value, "__dict__", ()) if not name.startswith("_")] or None
    return None


def _leaf(value: Any) -> Any:
    """A value without parts in JSON. Raises Lost."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return _leaf(value.value) if isinstance(value.value, (str, int, float)) else value.name
    if isinstance(value, str):
        return _text(str(value))
    if isinstance(value, int):
        return int(value) if -INT64 <= value < INT64 else str(value)
    if isinstance(value, float):
        return _finite(float(value))
    if isinstance(value, (datetime, date, time_of_day)):
        return value.isoformat()
    if isinstance(value, (PurePath, timedelta)):
        return _text(str(value))
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return _text(f"{value.__module__}.{value.__qualname__}")
    item = getattr(value, "item", None)
    if callable(item) and _elements(value) == 1:
        plain = item()
        if type(plain) is not type(value):
            return _leaf(plain)
    return _text(str(value)[:LONGEST_TEXT])


def _text(text: str) -> str:
    if "\0" in text:
        raise Lost("it has a NUL character")
    return whole(text)


def _key(key: Any) -> str:
    if isinstance(key, enum.Enum):
        key = key.name
    return _text(str(key).replace("\0", "\ufffd"))


def _elements(array: Any) -> int:
    """How many elements an array has: numpy and jax know a `size`, torch a method `numel`."""
    try:
        return int(array.numel() if hasattr(array, "numel") else array.size)
    except Exception:
        return LARGEST_ARRAY + 1


def _finite(value: float) -> Any:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
