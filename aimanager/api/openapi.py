"""The OpenAPI 3.1 document, made from the routes and the marks that their decorators leave."""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

from flask import Blueprint, Flask, current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from ..errors import SENTENCES
from ..http.auth import requires, rule_of
from ..http.limits import budget
from .decorators import FRAME
from .schemas import Problem

document = Blueprint("openapi", __name__)

VERSION = "1.0.0"
REF = "#/components/schemas/{model}"
TAGS = {
    "auth": "Accounts, tokens, API keys, socket tickets",
    "projects": "Projects",
    "runs": "Runs of a project",
    "metrics": "Points in and out",
    "ws": "Live updates over WebSocket",
    "health": "Probes",
    "openapi": "This document",
}
IDS = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A retry with the same key stores nothing twice",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
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
        if not described(rule):
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


def described(rule: Rule) -> bool:
    """Routes of the API; pages and static files are not part of it, nor is the policy report of browsers."""
    tag = rule.endpoint.split(".")[0]
    return tag in TAGS and not rule.rule.endswith("/csp-report") and (tag != "ws" or not rule.rule.endswith("/"))


def path_of(rule: Rule) -> str:
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)


def _tag(path: str, operations: dict[str, Any]) -> str:
    return next(iter(operations.values()))["tags"][0]


def _view(app: Flask, rule: Rule) -> Any:
    return app.view_functions[rule.endpoint]


def _operation(app: Flask, rule: Rule, method: str) -> dict[str, Any]:
    view, allowed = _view(app, rule), rule_of(app, rule.endpoint)
    summary, _, rest = inspect.cleandoc(view.__doc__ or "").partition("\n\n")
    tag = rule.endpoint.split(".")[0]
    operation: dict[str, Any] = {
        "tags": [tag],
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": " ".join(summary.split()),
        "parameters": _parameters(view, rule, method),
        "responses": _responses(view, rule, method, allowed or ""),
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
    if allowed == "anyone":
        operation["security"] = []
    else:
        operation["security"] = [{"token": []}, {"basic": []}] + ([{}] if allowed == "public_or_read" else [])
    return operation


def _parameters(view: Any, rule: Rule, method: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in sorted(rule.arguments, key=rule.rule.index):
        words = {"type": "string", "minLength": 1, "maxLength": 250} if name == "metric_name" else IDS
        found.append({"name": name, "in": "path", "required": True, "schema": words})
    model = getattr(view, "query_model", None)
    if model is not None:
        schema = model.model_json_schema(ref_template=REF)
        for name, words in schema["properties"].items():
            words.pop("title", None)
            words = _without_null(words)
            item = {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": words}
            found.append(item)
    if rule.endpoint == "ws.run":
        found += [
            {"name": "since", "in": "query", "required": False, "schema": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
             "description": "The last id that was received: every later point comes first"},
            {"name": "ticket", "in": "query", "required": False, "schema": {"type": "string"},
             "description": "From `POST /auth/ws-ticket`, where headers cannot be sent"},
        ]  # fmt: skip
    if rule.endpoint in {"metrics.log", "metrics.log_batch", "runs.create"}:
        found.append(IDEMPOTENCY)
    return found


def _without_null(words: dict[str, Any]) -> dict[str, Any]:
    """A query string cannot say null: leaving the parameter out does."""
    kinds = [kind for kind in words.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        words = {key: item for key, item in words.items() if key != "anyOf"} | kinds[0]
    if words.get("default", ...) is None:
        del words["default"]
    return words


def _responses(view: Any, rule: Rule, method: str, allowed: str) -> dict[str, Any]:
    if rule.endpoint.startswith("ws."):
        codes = {"101": {"description": "Switching to WebSocket; one JSON object per message"}}
        return codes | _problems([400, 401, 403, 404, 429, 503])
    if rule.endpoint == "openapi.openapi":
        return {"200": {"description": "The document", "content": {"application/json": {"schema": {"type": "object"}}}}}
    model, status = view.answer_model, view.answer_status
    good: dict[str, Any] = {"description": "Done" if model is None else "As asked"}
    if model is not None:
        schema = _ref(model)
        if view.answer_many:
            schema = {"type": "array", "items": schema}
        good["content"] = {"application/json": {"schema": schema}}
    if view.answer_also:
        others = {media: {"schema": {"type": "string", "format": "binary"}} for media in view.answer_also}
        good["content"] = good.get("content", {}) | others
    answers = {str(status): good}
    if rule.endpoint == "projects.create":
        answers["200"] = good | {"description": "The project that was there, with `exist_ok`"}
    if rule.endpoint == "health.ready":
        answers["503"] = good | {"description": "One part cannot serve"}
    refused = [400, 429, 503]
    refused += [401] if allowed != "anyone" or rule.endpoint == "auth.login" else []
    refused += [403] if allowed != "anyone" or method == "POST" else []
    refused += [404] if rule.arguments or rule.endpoint in {"runs.create", "runs.index", "auth.ticket"} else []
    refused += [409] if rule.endpoint.startswith("metrics.log") or rule.endpoint == "runs.create" else []
    refused += [413, 415] if hasattr(view, "body_model") else []
    return answers | {code: words for code, words in _problems(refused).items() if code not in answers}


def _problems(codes: list[int]) -> dict[str, Any]:
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
    wanted: dict[type[BaseModel], Any] = {Problem: "serialization"}
    for rule in app.url_map.iter_rules():
        if described(rule):
            view = _view(app, rule)
            if getattr(view, "body_model", None):
                wanted[view.body_model] = "validation"
            if getattr(view, "answer_model", None):
                wanted[view.answer_model] = "serialization"
    _, schemas = models_json_schema(list(wanted.items()), ref_template=REF)
    return schemas["$defs"]
