"""Times between the store (int64 microseconds since 1970, UTC), Python (naive UTC datetimes) and JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as everywhere behind the door
_MICROSECOND = timedelta(microseconds=1)
_LAST = (datetime.max - EPOCH) // _MICROSECOND


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a naive UTC datetime, exact."""
    return (moment - EPOCH) // _MICROSECOND


def to_datetime(microseconds: int) -> datetime:
    """The naive UTC datetime, exact; a time that no calendar has becomes the nearest one from 1970 on."""
    return EPOCH + min(max(microseconds, 0), _LAST) * _MICROSECOND


def from_seconds(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Microseconds of seconds since 1970, to the nearest."""
    return np.rint(seconds * SECOND).astype(np.int64)


def to_seconds(microseconds: NDArray[np.int64]) -> NDArray[np.float64]:
    return microseconds / SECOND


def array_to_json(microseconds: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """An array that orjson writes as ISO 8601."""
    return np.ascontiguousarray(microseconds).view("M8[us]")


def parse(text: object) -> datetime:
    """ISO 8601 with or without an offset, as a naive UTC datetime. Raises ValueError."""
    if not isinstance(text, str) or len(text) > 40:
        raise ValueError("must be a time such as 2023-01-01T00:00:00")
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise ValueError("must be a time such as 2023-01-01T00:00:00") from None
    if not 1970 <= moment.year <= 9000:
        raise ValueError("must be a time between 1970 and 9000")
    return moment
