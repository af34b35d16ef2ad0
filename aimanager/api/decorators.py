"""A route's decorators are its contract: what comes in, what goes out. The OpenAPI document reads the same marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar, get_origin

import orjson
from flask import Response, request
from pydantic import BaseModel

from ..services.paging import Page
from .bodies import FRAME, read_body, read_frame, validated

View = TypeVar("View", bound=Callable[..., Any])


def body(
    model: type[BaseModel], form: bool = False, frame: type[BaseModel] | None = None, any_text: bool = False
) -> Callable[[View], View]:
    """Hand the view its JSON body as a checked model; with `form`, form fields are taken too, with `frame` a frame
    of columns whose head is such a model. With `any_text` its texts may hold whatever a program wrote."""

    def decorate(view: View) -> View:
        @wraps(view)
        def with_body(*args: Any, **kwargs: Any) -> Any:
            if frame is not None and request.mimetype == FRAME:
                return view(*args, read_frame(frame), **kwargs)
            return view(*args, read_body(model, form, frame is not None, any_text), **kwargs)

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
            return view(*args, validated(model, values, "query"), **kwargs)

        with_query.query_model = model  # type: ignore[attr-defined]
        return with_query  # type: ignore[return-value]

    return decorate


def returns(
    model: type[BaseModel] | None,
    status: int = 200,
    many: bool = False,
    media: Sequence[str] = (),
    also: Mapping[int, str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Answer what the view returns as JSON; None with 204 answers nothing. A Page brings its total along.

    `media` are the media types of answers that the view makes itself, `also` further statuses of the same answer with what
    each means.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(view)
        def with_answer(*args: Any, **kwargs: Any) -> Response:
            return answer(view(*args, **kwargs), status)

        with_answer.answer_model, with_answer.answer_status, with_answer.answer_many = model, status, many  # type: ignore[attr-defined]
        with_answer.answer_media, with_answer.answer_others = media, also or {}  # type: ignore[attr-defined]
        return with_answer

    return decorate


def answer(result: Any, status: int = 200) -> Response:
    """JSON, written by orjson: strict, and times as the contract writes them."""
    if isinstance(result, Response):
        return result
    if result is None:
        return Response(status=204)
    headers: dict[str, str] = {}
    if isinstance(result, tuple):
        result, status = result
    if isinstance(result, Page):
        headers = headers_of(result)
        result = result.items
    text = orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)
    return Response(text, status, headers, content_type="application/json")


def headers_of(page: Page[Any]) -> dict[str, str]:
    """How long the whole list is and where the next page begins, as far as that is known."""
    total = None if page.total is None else str(page.total)
    known = {"X-Total-Count": total, "X-Next-Cursor": page.next_cursor}
    return {name: value for name, value in known.items() if value is not None}
