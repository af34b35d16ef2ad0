"""Metric names and their numbers. A name never changes its number, so each process caches those that it has read."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.engine import Connection

from .statements import Statements, chunks
from .tables import metric_name

_REMEMBERED = 200_000


class Names:
    """Both ways between a name and its number."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._ids: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def remembered(self, names: Iterable[str]) -> dict[str, int]:
        """The numbers of those names that need no look into the database."""
        ids = self._ids  # Another thread may put a new one in its place.
        return {name: ids[name] for name in names if name in ids}

    def find(self, connection: Connection, names: Iterable[str]) -> dict[str, int]:
        """The numbers of those names that have one."""
        names = list(names)
        ids = self.remembered(names)
        for part in chunks([name for name in names if name not in ids]):
            rows = connection.execute(select(metric_name).where(metric_name.c.name.in_(part)))
            ids |= {name: self._remember(number, name) for number, name in rows}
        return ids

    def add(self, connection: Connection, names: Iterable[str]) -> dict[str, int]:
        """The numbers of names, given now to those that have none; in a transaction that holds nothing else."""
        distinct = set(names)
        # Sorted, so that two processes that add the same names wait for each other in one direction only.
        missing = sorted(distinct - self.find(connection, distinct).keys())
        if missing:
            connection.execute(self._statements.add_name, [{"name": name} for name in missing])
        return self.find(connection, distinct)

    def of(self, connection: Connection, ids: Iterable[int]) -> dict[int, str]:
        """The names of numbers."""
        numbers = list(ids)
        remembered = self._names
        names = {number: remembered[number] for number in numbers if number in remembered}
        for part in chunks([number for number in numbers if number not in names]):
            for number, name in connection.execute(select(metric_name).where(metric_name.c.id.in_(part))):
                self._remember(number, name)
                names[number] = name
        return names

    def _remember(self, number: int, name: str) -> int:
        if len(self._ids) >= _REMEMBERED:
            self._ids, self._names = {}, {}
        self._ids[name] = number
        self._names[number] = name
        return number
