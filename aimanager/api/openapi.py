"""The OpenAPI 3.1 document, made from the routes and the marks that their decorators leave."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection
from functools import cache
from typing import Any

from flask import Blueprint, Flask, current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from ..errors import SENTENCES
from ..http.auth import requires, rule_of
from ..http.rate_limits import budget
from .bodies import FRAME
from .decorators import returns
from .responses import Document, Problem

document = Blueprint("openapi", __name__)

VERSION = "1.0.0"
REF = "#/components/schemas/{model}"
TAGS = {
    "auth": "Accounts, tokens, API keys, socket tickets",
    "projects": "Projects",
    "runs": "Runs of a project",
    "metrics": "Points in and out",
    "logs": "Console output of runs",
    "alerts": "What a run wants to be looked at for",
    "ws": "Live updates over WebSocket",
    "health": "Probes",
    "openapi": "This document",
}
METRIC_NAME = {"type": "string", "minLength": 1, "maxLength": 250}
IDS = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
FRAME_SCHEMA = {
    "type": "string",
    "format": "binary",
    "description": "A frame of columns: 8 bytes `AIMCOLS` and 1; u32 length of the head, a multiple of 8; u32 0; the "
    "head, JSON as for `application/json` with `[kind, offset, count]` in place of each list; the columns. "
    "docs/api.md has it byte by byte.",
}


@document.get("/openapi.json")
@requires("anyone")
@budget("none")
@returns(Document)
def openapi() -> dict[str, Any]:
    """Get this API as an OpenAPI 3.1 document."""
    return build(current_app)


def build(app: Flask) -> dict[str, Any]:
    """The document of an application."""
    return _build(app)


@cache
def _build(app: Flask) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for rule in app.url_map.iter_rules():
        if not is_described(app, rule):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path_of(rule), {})[method.lower()] = _operation(app, rule, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AI Manager API",
            "version": VERSION,
            "description": "Track machine-learning experiments: projects, runs, metrics, live updates.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": dict(sorted(paths.items(), key=lambda item: list(TAGS).index(_tag(item[0], item[1])))),
        "components": {"schemas": _schemas(app), "securitySchemes": SECURITY},
    }


SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "The access token of `POST /auth/login`, or an API key (`aimgr_...`)",
    },
    "basic": {"type": "http", "scheme": "basic", "description": "Any name, and an API key as the password"},
}


def is_described(app: Flask, rule: Rule) -> bool:
    """Routes of the API, each once; pages and static files are not part of it."""
    if rule.endpoint.split(".")[0] not in TAGS or hasattr(_view(app, rule), "undocumented"):
        return False
    return not (rule.websocket and rule.rule.endswith("/"))  # Sockets have two rules, with and without a slash.


def path_of(rule: Rule) -> str:
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)


def _tag(path: str, operations: dict[str, Any]) -> str:
    return next(iter(operations.values()))["tags"][0]


def _view(app: Flask, rule: Rule) -> Any:
    return app.view_functions[rule.endpoint]


def _operation(app: Flask, rule: Rule, method: str) -> dict[str, Any]:
    view, who = _view(app, rule), rule_of(app, rule.endpoint)
    summary, _, rest = inspect.cleandoc(view.__doc__ or "").partition("\n\n")
    tag = rule.endpoint.split(".")[0]
    operation: dict[str, Any] = {
        "tags": [tag],
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": " ".join(summary.split()),
        "parameters": _parameters(view, rule),
        "responses": _responses(view, rule, method, who or ""),
    }
    if rest:
        operation["description"] = rest
    model = getattr(view, "body_model", None)
    if model is not None:
        content = {"application/json": {"schema": _ref(model)}}
        if view.takes_form:
            content["application/x-www-form-urlencoded"] = {"schema": _ref(model)}
        if view.takes_frame:
            content[FRAME] = {"schema": FRAME_SCHEMA}
        operation["requestBody"] = {"required": True, "content": content}
    if who == "anyone":
        operation["security"] = []
    else:
        operation["security"] = [{"token": []}, {"basic": []}] + ([{}] if who == "public_or_read" else [])
    return operation


def _parameters(view: Any, rule: Rule) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name in sorted(rule.arguments, key=rule.rule.index):
        schema = METRIC_NAME if name == "metric_name" else IDS
        parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    model = getattr(view, "query_model", None)
    if model is not None:
        model_schema = model.model_json_schema(ref_template=REF)
        for name, schema in model_schema["properties"].items():
            schema.pop("title", None)
            required = name in model_schema.get("required", ())
            parameters.append({"name": name, "in": "query", "required": required, "schema": _without_null(schema)})
    return parameters + [*getattr(view, "parameters", ())]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query string cannot say null: leaving the parameter out does."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema = {key: item for key, item in schema.items() if key != "anyOf"} | kinds[0]
    if schema.get("default", ...) is None:
        del schema["default"]
    return schema


def _responses(view: Any, rule: Rule, method: str, who: str) -> dict[str, Any]:
    refusals = {400, 429, 503, *getattr(view, "refusals", ())}
    refusals |= {401} if who != "anyone" else set()
    refusals |= {403} if who != "anyone" or method == "POST" else set()
    refusals |= {404} if rule.arguments else set()
    refusals |= {413, 415} if hasattr(view, "body_model") else set()
    answers = SWITCHING if rule.websocket else _answers(view)
    return answers | {code: problem for code, problem in _problems(refusals).items() if code not in answers}


SWITCHING = {"101": {"description": "Switching to WebSocket; one JSON object per message"}}


def _answers(view: Any) -> dict[str, Any]:
    """The successful answers of the view, by status."""
    model = view.answer_model
    answer: dict[str, Any] = {"description": "Done" if model is None else "Successful"}
    if model is not None:
        schema = _ref(model)
        if view.answer_many:
            schema = {"type": "array", "items": schema}
        answer["content"] = {"application/json": {"schema": schema}}
    if view.answer_media:
        others = {media: {"schema": {"type": "string", "format": "binary"}} for media in view.answer_media}
        answer["content"] = answer.get("content", {}) | others
    further = {str(status): answer | {"description": meaning} for status, meaning in view.answer_others.items()}
    return {str(view.answer_status): answer} | further


def _problems(codes: Collection[int]) -> dict[str, Any]:
    return {
        str(code): {
            "description": SENTENCES[code],
            "content": {"application/json": {"schema": REFUSAL, "example": {"detail": SENTENCES[code]}}},
        }
        for code in sorted(codes)
    }


REFUSAL = {"$ref": REF.format(model="Problem")}


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": REF.format(model=model.__name__)}


def _schemas(app: Flask) -> dict[str, Any]:
    """Every model that a route names, in the shape in which it travels."""
    modes: dict[type[BaseModel], Any] = {Problem: "serialization"}
    for rule in app.url_map.iter_rules():
        if is_described(app, rule):
            view = _view(app, rule)
            if getattr(view, "body_model", None):
                modes[view.body_model] = "validation"
            if getattr(view, "answer_model", None):
                modes[view.answer_model] = "serialization"
    _, schemas = models_json_schema(list(modes.items()), ref_template=REF)
    return schemas["$defs"]
