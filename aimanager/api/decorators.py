"""A route's decorators are its contract: what comes in, what goes out. The OpenAPI document reads the same marks."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, TypeVar, get_origin

import orjson
import zstandard
from flask import Response, current_app, request
from pydantic import BaseModel, ValidationError

from ..errors import Invalid, TooLarge, Unsupported
from ..services.paging import Page
from ..wire import columnar

View = TypeVar("View", bound=Callable[..., Any])
Model = TypeVar("Model", bound=BaseModel)

JSON_TYPES = {"application/json", "text/json"}
FRAME = "application/vnd.ai-manager.points"


def body(model: type[BaseModel], form: bool = False, frame: type[BaseModel] | None = None) -> Callable[[View], View]:
    """Hand the view its JSON body as a checked model; with `form`, form fields are taken too, with `frame` a frame
    of columns whose head is such a model."""

    def decorate(view: View) -> View:
        @wraps(view)
        def with_body(*args: Any, **kwargs: Any) -> Any:
            if frame is not None and request.mimetype == FRAME:
                return view(*args, read_frame(frame), **kwargs)
            return view(*args, read_body(model, form, frame is not None), **kwargs)

        with_body.body_model, with_body.takes_form, with_body.takes_frame = model, form, frame is not None  # type: ignore[attr-defined]
        return with_body  # type: ignore[return-value]

    return decorate


def query(model: type[BaseModel]) -> Callable[[View], View]:
    """Hand the view its query string as a checked model."""

    def decorate(view: View) -> View:
        @wraps(view)
        def with_query(*args: Any, **kwargs: Any) -> Any:
            values: dict[str, Any] = {}
            for name, field in model.model_fields.items():
                if name in request.args:
                    many = get_origin(field.annotation) is list
                    values[name] = request.args.getlist(name) if many else request.args[name]
            return view(*args, checked(model, values, "query"), **kwargs)

        with_query.query_model = model  # type: ignore[attr-defined]
        return with_query  # type: ignore[return-value]

    return decorate


def returns(
    model: type[BaseModel] | None, status: int = 200, many: bool = False, also: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Answer what the view returns as JSON; None with 204 answers nothing. A Page brings its total along. `also` are
    the media types of answers that the view makes itself."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(view)
        def with_answer(*args: Any, **kwargs: Any) -> Response:
            return answer(view(*args, **kwargs), status)

        with_answer.answer_model, with_answer.answer_status, with_answer.answer_many = model, status, many  # type: ignore[attr-defined]
        with_answer.answer_also = also  # type: ignore[attr-defined]
        return with_answer

    return decorate


def answer(result: Any, status: int = 200) -> Response:
    """JSON, written by orjson: strict, and times as the contract writes them."""
    if isinstance(result, Response):
        return result
    if result is None:
        return Response(status=204)
    headers = {}
    if isinstance(result, tuple):
        result, status = result
    if isinstance(result, Page):
        if result.total is not None:
            headers["X-Total-Count"] = str(result.total)
        if result.next_cursor is not None:
            headers["X-Next-Cursor"] = result.next_cursor
        result = result.items
    text = orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)
    return Response(text, status, headers, content_type="application/json")


def read_body(model: type[Model], form: bool = False, frame: bool = False) -> Model:
    kind = request.mimetype
    if form and kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return checked(model, {name: request.form[name] for name in request.form if name != "csrf_token"}, "body")
    if kind and kind not in JSON_TYPES:
        expected = f"application/json or {FRAME}" if frame else "application/json"
        raise Unsupported(f"Unsupported media type {kind[:100]!r}: expected {expected}")
    data = raw_body()
    try:
        return model.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise Invalid(explain(error, "body")) from None


def read_frame(model: type[Model]) -> Model:
    """A frame of columns by its head, in which the columns stand in place of their references."""
    try:
        head, columns = columnar.unpack(raw_body())
        posted = checked(model, head, "body", columns)
        columns.close()
    except ValueError as error:
        raise Invalid([{"loc": ["body"], "msg": str(error), "type": "frame"}]) from None
    return posted


def checked(model: type[Model], values: Any, source: str, context: Any = None) -> Model:
    try:
        return model.model_validate(values, context=context)
    except ValidationError as error:
        raise Invalid(explain(error, source)) from None


def raw_body() -> bytes:
    """The request's bytes, unpacked within the same bound that unpacked bodies have. Raises TooLarge, Unsupported."""
    data = request.get_data()
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        return data
    most = current_app.config["MAX_UNPACKED_LENGTH"]
    if encoding not in {"gzip", "zstd"}:
        raise Unsupported(f"Unsupported Content-Encoding {encoding[:40]!r}: expected gzip or zstd")
    try:
        unpacked = gzip.GzipFile(fileobj=io.BytesIO(data)).read(most + 1) if encoding == "gzip" else _unzstd(data, most)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        fault = {"loc": ["body"], "msg": f"body is not whole {encoding} data", "type": "encoding"}
        raise Invalid([fault]) from None
    if len(unpacked) > most:
        raise TooLarge(f"The request body is too large: at most {most} bytes when unpacked")
    return unpacked


def _unzstd(data: bytes, most: int) -> bytes:
    """Whole frames unpacked, or a little more than the bound. Raises ZstdError also where the last frame is cut short."""
    unpacker = zstandard.ZstdDecompressor()
    frame, unpacked = unpacker.decompressobj(), bytearray()
    for start in range(0, len(data), _ZSTD_STEP):
        part = data[start : start + _ZSTD_STEP]
        while part and len(unpacked) <= most:
            if frame.eof:
                frame = unpacker.decompressobj()
            unpacked += frame.decompress(part)
            part = frame.unused_data
    if not frame.eof and len(unpacked) <= most:
        raise zstandard.ZstdError("the last frame is cut short")
    return bytes(unpacked)


# Bytes that are unpacked in one go: a bomb makes some 30 MB of them.
_ZSTD_STEP = 1024


def explain(error: ValidationError, source: str) -> list[dict[str, Any]]:
    """Pydantic's findings in our words: where, what was expected."""
    found: list[dict[str, Any]] = []
    for item in error.errors(include_url=False, include_input=False)[:20]:
        where = _where(item["loc"])
        field = ".".join(str(part) for part in where)
        words = _words(item["type"], item["msg"], item.get("ctx", {}))
        # The branches of a union find the same fault, each in its own words: the first one's will do.
        if not any(other["loc"] == [source, *where] for other in found):
            found.append({"loc": [source, *where], "msg": f"{field or source} {words}", "type": item["type"]})
    return found


def _where(path: Iterable[Any]) -> list[Any]:
    """The path to a fault, of the sender's own names: below NAMED a metric may be called what pydantic calls a branch."""
    found: list[Any] = []
    for part in path:
        if not _is_inner(part) or (found[-1:] in NAMED and not part.startswith("dict[")):
            found.append(part[:80] if isinstance(part, str) else part)
    return found


NAMED = (["series"], ["metrics"])


def _is_inner(part: Any) -> bool:
    """Names that pydantic gives to branches of a union and to validators are not the sender's."""
    return isinstance(part, str) and (part.startswith(("function-", "literal[", "constrained-", "list[", "dict[", "nullable[")) or part in BRANCHES)  # fmt: skip


BRANCHES = {"float", "int", "str", "[key]", "is-instance[datetime]"}

EXPECTED = {
    "missing": "is missing",
    "extra_forbidden": "is not a field that is known here",
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


def _words(kind: str, message: str, context: dict[str, Any]) -> str:
    if kind in EXPECTED:
        return EXPECTED[kind]
    if kind in LENGTHS:
        return LENGTHS[kind].format(**context)
    text = message.removeprefix("Value error, ").removeprefix("Input ")
    return (text[:1].lower() + text[1:])[:300]
