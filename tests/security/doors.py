"""Every door of the application, who knocks, and whether it must open: derived from the routes and their rules."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.routing import Rule

from aimanager.http.auth import rule_of
from tests.cast import PASSWORD, Person

# A request that is right in all but who sends it. A new route fails the suite until it has a row here.
REQUESTS: dict[str, dict[str, Any]] = {
    "auth.change": {"json": {"password": PASSWORD}},
    "auth.create_key": {"json": {"name": "laptop"}},
    "auth.keys": {},
    "auth.login": {"json": {"username": "alice", "password": PASSWORD}},
    "auth.logout": {},
    "auth.me": {},
    "auth.register": {"json": {"email": "u{n}@example.com", "username": "u{n}", "password": "a good password"}},
    "auth.revoke_key": {},
    "auth.ticket": {"json": {"run_id": "{run_id}"}},
    "health.alive": {},
    "health.csp_report": {"data": b"{}"},
    "health.ready": {},
    "alerts.create": {"json": {"title": "an alert"}},
    "alerts.index": {},
    "logs.create": {"json": {"lines": [{"stream": "stdout", "time": 1, "text": "a line"}]}},
    "logs.index": {},
    "metrics.chart": {"query_string": {"name": "loss"}},
    "metrics.export": {},
    "metrics.group": {"query_string": {"runs": "{run_id}", "name": "loss"}},
    "metrics.history": {},
    "metrics.index": {},
    "metrics.log": {"json": {"name": "loss", "value": 1}},
    "metrics.log_batch": {"json": {"metrics": {"loss": 1}}},
    "metrics.log_bulk": {"json": {"series": {"loss": {"values": [1]}}}},
    "metrics.summary": {},
    "notes.create": {"json": {"text": "a note"}},
    "notes.delete": {},
    "notes.index": {},
    "notes.update": {"json": {"text": "changed"}},
    "openapi.openapi": {},
    "projects.create": {"json": {"name": "new"}},
    "projects.delete": {},
    "projects.index": {},
    "projects.show": {},
    "projects.update": {"json": {"name": "changed"}},
    "runs.create": {"json": {}, "query_string": {"project_id": "{project_id}"}},
    "runs.define": {"json": {"loss": {"goal": "min"}}},
    "runs.definitions": {},
    "runs.delete": {},
    "runs.environment": {},
    "runs.fork": {"json": {"step": 1}},
    "runs.heartbeat": {},
    "runs.index": {},
    "runs.resume": {"json": {}},
    "runs.rewind": {"json": {"step": 1}},
    "runs.show": {},
    "runs.stop": {},
    "runs.update": {"json": {"name": "changed"}},
    "static": {},
    "web.archive_project": {"data": {"archived": "1"}},
    "web.bulk_runs": {"data": {"action": "archive", "ids": "{run_id}"}},
    "web.change_email": {"data": {"email_password": PASSWORD, "email": "u{n}@example.com"}},
    "web.change_password": {"data": {"old_password": PASSWORD, "new_password": "another good password"}},
    "web.change_theme": {"data": {"theme": "dark"}},
    "web.client": {},
    "web.charts_csv": {"query_string": {"runs": "{run_id}", "name": "loss"}},
    "web.charts_of_groups": {"query_string": {"groups": "{run_id}", "name": "loss"}},
    "web.charts_of_runs": {"query_string": {"runs": "{run_id}", "name": "loss"}},
    "web.compare": {"query_string": {"runs": "{run_id}"}},
    "web.compare_with": {"query_string": {"runs": "{run_id}"}},
    "web.compare_csv": {"query_string": {"runs": "{run_id}"}},
    "web.compare_figure": {"query_string": {"runs": "{run_id}", "kind": "scatter"}},
    "web.create_project": {"data": {"name": "new"}},
    "web.delete_project": {"data": {"sure": "a project"}},
    "web.delete_run": {"data": {"sure": "run"}},
    "web.docs": {},
    "web.end_session": {},
    "web.find_columns": {},
    "web.complete": {},
    "web.run_ids": {},
    "web.run_alerts": {},
    "web.project_alerts": {},
    "web.log_hits": {"query_string": {"q": "x"}},
    "web.log_lines": {},
    "web.log_text": {},
    "web.create_note": {"data": {"text": "a note"}},
    "web.create_view": {"data": {"name": "a view", "is_shared": "1"}},
    "web.delete_note": {},
    "web.delete_view": {},
    "web.home": {},
    "web.issue_key": {"data": {"key_name": "laptop", "scope": "write"}},
    "web.log_in": {"data": {"username": "alice", "password": PASSWORD}},
    "web.login": {},
    "web.logout": {},
    "web.marks": {"query_string": {"runs": "{run_id}"}},
    "web.project": {},
    "web.project_settings": {},
    "web.register": {},
    "web.revoke_key": {},
    "web.run": {},
    "web.search": {},
    "web.runs_csv": {},
    "web.settings": {},
    "web.sign_up": {"data": {"email": "u{n}@example.com", "username": "u{n}", "password": "a good password"}},
    "web.snippet_key": {},
    "web.stop_run": {},
    "web.update_note": {"data": {"text": "changed"}},
    "web.update_project": {"data": {"name": "changed"}},
    "web.update_view": {"data": {"name": "changed"}},
    "web.update_run": {"data": {"name": "changed"}},
    "ws.home": {},
    "ws.project": {},
    "ws.run": {},
}

# The object is not in the path of these.
ALSO_HOLD = {
    "auth.ticket": "run_id",
    "metrics.group": "run_id",
    "runs.create": "project_id",
    "web.bulk_runs": "run_id",
    "web.charts_csv": "run_id",
    "web.charts_of_groups": "run_id",
    "web.charts_of_runs": "run_id",
    "web.marks": "run_id",
    "web.compare": "run_id",
    "web.compare_csv": "run_id",
    "web.compare_with": "run_id",
    "web.compare_figure": "run_id",
}
# Open to read where something is public, but these ask for what is one's own.
ONES_OWN = {"projects.index", "runs.index", "web.home"}

WEBSOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
numbers = itertools.count(1)


@dataclass(frozen=True)
class Route:
    rule: Rule
    method: str
    needs: str

    @property
    def name(self) -> str:
        return self.rule.endpoint

    @property
    def object(self) -> str | None:
        """`project_id`, `run_id`, `key_id`, `view_id` or `note_id`: whose rights are checked, or None."""
        held = self.rule.arguments & {"project_id", "run_id", "key_id", "view_id", "note_id"}
        assert len(held) <= 1, f"{self.rule} is about two things: say here which one decides"
        return next(iter(held), ALSO_HOLD.get(self.name))

    @property
    def is_page(self) -> bool:
        return self.name.startswith("web.")


@dataclass(frozen=True)
class Caller:
    """Somebody at the door. `who` is nobody, refused, stranger, owner or superuser."""

    who: str
    headers: dict[str, str]
    may_write: bool = True
    by_password: bool = True


def routes(app: Flask) -> Iterator[Route]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(rule, method, rule_of(app, rule.endpoint) or "")


def by_token(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}


def by_cookie(person: Person) -> dict[str, str]:
    return {"Cookie": f"session={person.token}; csrf={person.csrf}", "X-CSRF-TOKEN": person.csrf}


def by_key(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def expected(route: Route, caller: Caller, public: bool) -> int:
    """200 where the door must open, else 401 or 403."""
    if route.needs in {"anyone", "visitor"}:
        return 200
    if caller.who == "refused":
        return 401
    if caller.who == "nobody" and (route.needs != "public_or_read" or route.name in ONES_OWN):
        return 401
    if route.needs == "session" and not caller.by_password:
        return 403
    if route.needs == "write" and not caller.may_write:
        return 403
    return 200 if route.object is None or _may(route, caller, public) else 401 if caller.who == "nobody" else 403


def _may(route: Route, caller: Caller, public: bool) -> bool:
    if route.object == "key_id":
        return caller.who == "owner"
    reads = route.needs in {"public_or_read", "user"}
    return caller.who in {"owner", "superuser"} or (public and reads)


def knock(app: Flask, route: Route, caller: Caller, **objects: int) -> tuple[int, bytes]:
    """The status of the answer, with 200 for every good one, 101 too, and 401 for the way to the login page."""
    values = {"metric_name": "loss", "filename": "x.css", "name": "x.whl", **objects}
    with app.test_request_context():
        path = app.url_map.bind("localhost").build(
            route.name, {name: values[name] for name in route.rule.arguments}, method=route.method
        )
    path = urlsplit(path).path  # Addresses of sockets are built with their scheme.
    arguments = _filled(REQUESTS[route.name], values | {"n": next(numbers)})
    headers = {"Origin": "http://localhost", "Cookie": "csrf=twice", "X-CSRF-TOKEN": "twice"} | caller.headers
    client = app.test_client(use_cookies=False)
    if route.rule.websocket:
        return handshake(client, path, headers | WEBSOCKET)
    answer = client.open(path, method=route.method, headers=headers, **arguments)
    if answer.status_code == 303 and answer.headers["Location"].startswith("/login") and route.name != "web.logout":
        assert route.is_page
        assert route.method == "GET"
        return 401, answer.data
    good = answer.status_code < 400 or (route.name in {"static", "web.client"} and answer.status_code == 404)
    return 200 if good else answer.status_code, answer.data


def handshake(client: Any, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """The same in front of a socket of which the other end says nothing and is closed."""
    near_end, far_end = socket.socketpair()
    with near_end, far_end:
        near_end.shutdown(socket.SHUT_WR)
        answer = client.get(path, headers=headers, environ_overrides={"werkzeug.socket": far_end})
        near_end.setblocking(False)
        try:
            said = near_end.recv(65536)
        except BlockingIOError:
            return answer.status_code, answer.data
    assert said.startswith(b"HTTP/1.1 101 ")
    return 200, said


def _filled(options: Any, values: dict[str, Any]) -> Any:
    if isinstance(options, dict):
        return {name: _filled(option, values) for name, option in options.items()}
    if isinstance(options, str) and options.startswith("{") and options.endswith("_id}"):
        return values[options[1:-1]]
    return options.replace("{n}", str(values["n"])) if isinstance(options, str) else options
