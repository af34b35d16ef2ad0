"""Strict JSON, written by orjson: what Flask's `jsonify` and its test client use."""

from __future__ import annotations

from typing import Any

import orjson
from flask.json.provider import JSONProvider


class StrictJson(JSONProvider):
    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)
