"""Bodies as checked models: JSON, forms, frames of columns; packed or not."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any, TypeVar

import zstandard
from flask import Request, current_app, request
from pydantic import BaseModel, ValidationError

from ..errors import Invalid, TooLarge, Unsupported
from ..wire import columnar
from ..wire.text import has_nul, mended
from .explain import explain

Model = TypeVar("Model", bound=BaseModel)

JSON_TYPES = {"application/json", "text/json"}
FRAME = "application/vnd.ai-manager.points"
# Bytes that are unpacked in one go: a bomb makes some 30 MB of them.
_ZSTD_STEP = 1024


def read_body(model: type[Model], form: bool = False, frame: bool = False, any_text: bool = False) -> Model:
    """The JSON body, or the form where the view takes one; with `any_text` what is not text is mended, not refused.

    Raises Invalid, Unsupported, TooLarge.
    """
    call = _current_request()
    kind = call.mimetype
    if form and kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return validated(model, {name: call.form[name] for name in call.form if name != "csrf_token"}, "body")
    if kind and kind not in JSON_TYPES:
        expected = f"application/json or {FRAME}" if frame else "application/json"
        raise Unsupported(f"Unsupported media type {kind[:100]!r}: expected {expected}")
    data = mended(raw_body(call)) if any_text else raw_body(call)
    try:
        sent = model.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise Invalid(explain(error, "body")) from None
    if (
        not any_text and b"\\" in data and has_nul(data)
    ):  # In a text that no field's rule is about, such as a key of a config.
        raise Invalid([{"loc": ["body"], "msg": "body has a character that is not text: U+0000", "type": "printable"}])
    return sent


def read_frame(model: type[Model]) -> Model:
    """A frame of columns by its head, in which the columns stand in place of their references."""
    try:
        head, columns = columnar.unpack(raw_body(_current_request()))
        posted = validated(model, head, "body", columns)
        columns.close()
    except ValueError as error:
        raise Invalid([{"loc": ["body"], "msg": str(error), "type": "frame"}]) from None
    return posted


def validated(model: type[Model], values: Any, source: str, context: Any = None) -> Model:
    """Values as the model has them. Raises Invalid, whose errors name `source`."""
    try:
        return model.model_validate(values, context=context)
    except ValidationError as error:
        raise Invalid(explain(error, source)) from None


def _current_request() -> Request:
    """The request itself: each attribute that is read through Flask's proxy costs a microsecond."""
    return request._get_current_object()  # type: ignore[attr-defined]


def raw_body(call: Request) -> bytes:
    """The request's bytes, unpacked within the same bound that unpacked bodies have. Raises TooLarge, Unsupported."""
    data = call.get_data()
    encoding = call.headers.get("Content-Encoding", "identity").strip().lower()
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
