from __future__ import annotations


class QueryError(ValueError):
    """Text that is no query: what was expected, and at which letter, counted from 0."""

    def __init__(self, expected: str, place: int) -> None:
        super().__init__(f"expected {expected}, at letter {place + 1}")
        self.expected = expected
        self.place = place
