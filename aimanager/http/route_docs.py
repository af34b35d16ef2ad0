"""What a route says of itself for the API document, beyond what its types and its rule say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A retry with the same key stores nothing twice",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def refuses(*statuses: int) -> Callable[[View], View]:
    """Name statuses that follow neither from the rule of the view nor from its path and body."""

    def mark(view: View) -> View:
        view.refusals = (*getattr(view, "refusals", ()), *statuses)  # type: ignore[attr-defined]
        return view

    return mark


def takes(name: str, schema: dict[str, Any], description: str) -> Callable[[View], View]:
    """Name a query parameter that the view reads by itself."""
    parameter = {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
    return _with_parameter(parameter)


def idempotent(view: View) -> View:
    """The view takes an `Idempotency-Key`, and refuses one that was used with another body."""
    return refuses(409)(_with_parameter(_IDEMPOTENCY_KEY)(view))


def undocumented(view: View) -> View:
    """Leave the view out of the document."""
    view.undocumented = True  # type: ignore[attr-defined]
    return view


def _with_parameter(parameter: dict[str, Any]) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.parameters = (parameter, *getattr(view, "parameters", ()))  # type: ignore[attr-defined]
        return view

    return mark
