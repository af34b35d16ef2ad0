"""Reads `tests/wire/` and plays its examples against an application. The format is in `tests/wire/README.md`."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from flask import Flask

FOLDER = Path(__file__).parent.parent / "wire"
FILES = ("auth", "projects", "runs", "metrics", "bulk", "errors")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?")


def read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text())


def play(app: Flask, name: str) -> int:
    """Play a file after those that it is built on; gives how many answers of the file itself were compared."""
    client, credentials = app.test_client(use_cookies=False), {}
    contents = read(name)
    for earlier in contents["given"]:
        for example in read(earlier)["examples"]:
            if example["request"]["path"] != "/auth/logout":  # Who is signed in stays so for the files that follow.
                _send(client, example, credentials)
    for example in contents["examples"]:
        answer = _send(client, example, credentials)
        where, expected = f"{name}: {example['does']}", example["response"]
        assert answer.status_code == expected["status"], (where, answer.text)
        for header, value in expected.get("headers", {}).items():
            _compare(value, answer.headers.get(header), f"{where}: {header}")
        if "json" in expected:
            _compare(expected["json"], answer.json, where)
        else:
            assert answer.data == b"", where
    return len(contents["examples"])


def _send(client: Any, example: dict[str, Any], credentials: dict[str, str]) -> Any:
    request = example["request"]
    headers = ({} if example.get("as") == "nobody" else credentials) | request.get("headers", {})
    options: dict[str, Any] = {}
    if "json_text" in request:
        options["data"] = request["json_text"]
        options["content_type"] = headers.pop("Content-Type", "application/json")
    elif "form" in request:
        options |= {"data": request["form"], "content_type": "application/x-www-form-urlencoded"}
    elif "json" in request:
        options["json"] = request["json"]
    answer = client.open(request["path"], method=request["method"], headers=headers, **options)
    if request["path"] == "/auth/login" and answer.status_code == 200:
        credentials["Authorization"] = f"Bearer {answer.json['access_token']}"
    return answer


def _compare(expected: Any, actual: Any, where: str) -> None:
    if expected == "<time>":
        assert isinstance(actual, str), where
        assert TIME.fullmatch(actual), (where, actual)
    elif expected == "<text>":
        assert isinstance(actual, str), (where, actual)
        assert actual, where
    elif expected == "<integer>":
        assert type(actual) is int, (where, actual)
    elif isinstance(expected, dict):
        assert isinstance(actual, dict), (where, actual)
        for name, value in expected.items():
            assert name in actual, (where, name)
            _compare(value, actual[name], f"{where}: {name}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), (where, actual)
        assert len(actual) == len(expected), (where, actual)
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            _compare(one, other, f"{where}: {index}")
    elif isinstance(expected, float):
        assert isinstance(actual, float | int), (where, actual)
        assert math.isclose(expected, actual, rel_tol=1e-12), (where, actual)
    else:
        assert (type(actual), actual) == (type(expected), expected), where
