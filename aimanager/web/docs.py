"""How do I call it? The OpenAPI document as a page that works without internet, and the first steps."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from flask import Flask, current_app, render_template
from markupsafe import Markup, escape

from ..http.auth import requires
from . import client, snippet
from .blueprint import web
from .examples import example_of, fields_of, type_of


@web.get("/docs")
@requires("visitor")
def docs() -> str:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return render_template(
        "docs/show.html", groups=_groups(app), address=snippet.address(), install=client.install(),
        snippet=snippet.lines("digits", None),
    )  # fmt: skip


@cache
def _groups(app: Flask) -> list[dict[str, Any]]:
    """The operations by tag, as the template shows them. The document itself is at the address that programs use."""
    document: dict[str, Any] = app.ensure_sync(app.view_functions["openapi.openapi"])().get_json()
    schemas = document["components"]["schemas"]
    groups = {tag["name"]: {**tag, "operations": []} for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            groups[operation["tags"][0]]["operations"].append(_operation(path, method, operation, schemas))
    return [group for group in groups.values() if group["operations"]]


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return {
        "id": operation["operationId"],
        "method": method,
        "path": path,
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "open": operation.get("security") == [],
        "parameters": [{**one, "type": type_of(one["schema"], schemas)} for one in operation.get("parameters", [])],
        "fields": fields_of(body, schemas) if body else [],
        "body": _pretty(example_of(body, schemas)) if body else None,
        "answers": [_answer(status, answer, schemas) for status, answer in operation["responses"].items()],
    }


def _answer(status: str, answer: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    content = next(iter(answer.get("content", {}).values()), None)
    shown = None
    if content and int(status) < 300:
        shown = _pretty(content["example"] if "example" in content else example_of(content["schema"], schemas))
    return {"status": status, "description": answer["description"], "example": shown}


def _pretty(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)


@web.app_template_filter("ticks")
def ticks(text: str) -> Markup:
    """Words between backticks as code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )
