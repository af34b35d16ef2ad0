"""What a request got wrong, in plain words: pydantic's errors as the contract's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError


def explain(error: ValidationError, source: str) -> list[dict[str, Any]]:
    """Pydantic's errors as ours: where, and what was expected."""
    errors: list[dict[str, Any]] = []
    for item in error.errors(include_url=False, include_input=False)[:20]:
        path = _path(item["loc"])
        field = ".".join(str(part) for part in path)
        sentence = _sentence(item["type"], item["msg"], item.get("ctx", {}))
        # The branches of a union report the same fault, each in its own words: the first one's will do.
        if not any(other["loc"] == [source, *path] for other in errors):
            errors.append({"loc": [source, *path], "msg": f"{field or source} {sentence}", "type": item["type"]})
    return errors


def _path(location: Iterable[Any]) -> list[Any]:
    """The path to a fault, of the sender's own names: below NAMED a metric may be called what pydantic calls a branch."""
    path: list[Any] = []
    for part in location:
        if not _is_inner(part) or (path[-1:] in NAMED and not part.startswith("dict[")):
            path.append(part[:80] if isinstance(part, str) else part)
    return path


NAMED = (["series"], ["metrics"])


def _is_inner(part: Any) -> bool:
    """Names that pydantic gives to branches of a union and to validators are not the sender's."""
    return isinstance(part, str) and (part.startswith(("function-", "literal[", "constrained-", "list[", "dict[", "nullable[")) or part in BRANCHES)  # fmt: skip


BRANCHES = {"float", "int", "str", "[key]", "is-instance[datetime]"}

EXPECTED = {
    "missing": "is missing",
    "extra_forbidden": "is not a field that can be set here",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_from_float": "must be an integer",
    "int_parsing_size": "must be an integer of at most 64 bits",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "json_invalid": "is not valid JSON",
    "recursion_loop": "is nested too deeply",
}


LENGTHS = {
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "too_long": "must have at most {max_length} items",
    "too_short": "must have at least {min_length} items",
}


def _sentence(kind: str, message: str, context: dict[str, Any]) -> str:
    if kind in EXPECTED:
        return EXPECTED[kind]
    if kind in LENGTHS:
        return LENGTHS[kind].format(**context)
    text = message.removeprefix("Value error, ").removeprefix("Input ")
    return (text[:1].lower() + text[1:])[:300]
