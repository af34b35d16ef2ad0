"""A small real HTTP server that speaks the client's part of the API strictly, and misbehaves on demand."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD, KEY = "user", "pass", "aimgr_" + "k" * 48


FRAME = "application/vnd.ai-manager.points"


def read_frame(body):
    """A frame as the JSON that it stands for; strict."""
    magic, length, zero = struct.unpack_from("<8sII", body)
    assert (magic, length % 8, zero, len(body) % 8) == (b"AIMCOLS\x01", 0, 0, 0)
    head, data = json.loads(body[16 : 16 + length]), body[16 + length :]
    read = set()
    for column in head["series"].values():
        for field, (kind, offset, count) in column.items():
            assert kind == {"steps": "i8", "values": "f8", "timestamps": "f8"}[field]
            column[field] = [
                *struct.unpack_from(f"<{count}{kind[0].replace('f', 'd').replace('i', 'q')}", data, offset)
            ]
            read.update(range(offset, offset + 8 * count))
    assert read == set(range(len(data)))
    return head


def unpacked(entry):
    """The body of a request, without its compression."""
    return gzip.decompress(entry[3]) if entry[4].get("Content-Encoding") == "gzip" else entry[3]


def read_points(entry):
    """What a request for points says, in whichever form."""
    body = unpacked(entry)
    return read_frame(body) if entry[4]["Content-Type"] == FRAME else json.loads(body)


class Mode:
    """What is wrong with the server. The next requests on paths that contain `path` meet it."""

    def __init__(self, kind="well", path="", times=10**9, **details):
        self.kind, self.path, self.times, self.details = kind, path, times, details
        self.over = threading.Event()  # Ends requests that hang.


class State:
    """Everything the server knows, as plain data for the tests to look at."""

    def __init__(self):
        self.lock = threading.Lock()
        self.mode = Mode()
        self.requests = []  # (monotonic time, method, path, body, headers)
        self.projects = {}
        self.runs = {}
        self.made_by = {}  # Idempotency-Key -> run id
        self.writers = {}  # (run, client) -> [last seq, its body, its answer]
        self.points = {}  # run -> [(name, step, value, timestamp)] in the order stored
        self.tokens = set()
        self.flush_after_ms = None
        self.takes_heartbeats = True
        self.heartbeat_after_ms = 15_000
        self.stop_requested = False
        self.takes_frames = True
        self.takes_changes = True  # Merged changes, alerts and the like; an older server does not.
        self.posts = []  # (path, key, body) of alerts, notes and definitions
        self.lines = []  # Console output in the order stored.
        self.longest_body = None  # Beyond it a proxy in between refuses a body, in its own words.
        self.logins = 0

    def seen(self, part):
        return [entry for entry in self.requests if part in entry[2]]

    @property
    def printed(self):
        return [line for entry in self.lines for line in entry["text"].split("\n")]

    def series(self, run, name):
        return [(step, value) for metric, step, value, _ in self.points.get(run, []) if metric == name]


class Problem(Exception):
    def __init__(self, status, detail, **headers):
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: State

    def log_message(self, *args):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.state.requests.append((time.monotonic(), self.command, self.path, body, dict(self.headers)))
        mode = self.state.mode
        is_met = mode.path in self.path and (mode.kind != "reset after some lines" or self.state.lines)
        if mode.kind != "well" and is_met and mode.times > 0:
            mode.times -= 1
            if self.misbehave(mode, body):
                return
        try:
            longest = self.state.longest_body
            if longest is not None and len(body) > longest:
                self.raw(413, b"<html>Request Entity Too Large</html>", {"Content-Type": "text/html"})
                return
            status, answer = self.route(body)
            self.reply(status, answer)
        except Problem as problem:
            self.reply(problem.status, {"detail": problem.detail}, problem.headers)

    do_GET = do_POST = do_PUT = handle_any

    def misbehave(self, mode, body):
        """True when this was the whole answer."""
        if mode.kind == "status":
            headers = {"Retry-After": mode.details["retry_after"]} if "retry_after" in mode.details else {}
            self.reply(mode.details["status"], {"detail": mode.details.get("detail", "as told")}, headers)
        elif mode.kind == "garbage":
            status = mode.details.get("status", 200)
            self.raw(status, b"<html>Welcome to this hotel's network</html>", {"Content-Type": "text/html"})
        elif mode.kind == "endless":
            self.raw(200, b" " * (3 << 20), {})
        elif mode.kind == "redirect":
            self.raw(302, b"", {"Location": mode.details["to"]})
        elif mode.kind == "hang":
            mode.over.wait(mode.details.get("seconds", 60))
            self.close_connection = True
        elif mode.kind == "lost answer":
            with contextlib.suppress(Problem):
                self.route(body)
            self.close_connection = True
        elif mode.kind in ("reset", "reset after some lines"):
            self.close_connection = True
        return True

    def reply(self, status, answer, headers=None):
        self.raw(status, json.dumps(answer).encode(), {"Content-Type": "application/json", **(headers or {})})

    def raw(self, status, content, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def route(self, body):
        parts = urlsplit(self.path)
        if parts.path == "/auth/login":
            return self.login(parse_qs(body.decode()))
        self.authorise()
        with self.state.lock:
            if parts.path == "/auth/me":
                return 200, {"id": 1, "username": USER}
            data = self.read(body)
            if parts.path == "/projects/":
                return self.project(data)
            if parts.path == "/runs/":
                return self.run(int(parse_qs(parts.query)["project_id"][0]), data)
            words = parts.path.strip("/").split("/")
            run = self.state.runs.get(int(words[1]))
            if run is None:
                raise Problem(404, "Resource not found")
            if words[-1] == "heartbeat":
                if not self.state.takes_heartbeats:
                    raise Problem(404, "Resource not found")
                return 200, {
                    "flush_after_ms": 250,
                    "heartbeat_after_ms": self.state.heartbeat_after_ms,
                    "stop_requested": self.state.stop_requested,
                }
            if words[2:] in (["resume"], ["fork"], ["rewind"]):
                return self.branch(run, words[2], data)
            if words[0] == "runs" and words[2:] == ["logs"]:
                return self.logs(run["id"], data)
            if words[0] == "runs" and words[2:]:
                return self.post(words[2], data)
            if words[0] == "runs":
                return self.change(run, data)
            return self.bulk(run["id"], data, body)

    def read(self, body):
        if not body:
            return {}
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.headers["Content-Type"] == "application/json":
            return json.loads(body)
        if self.headers["Content-Type"] != FRAME or not self.state.takes_frames:
            raise Problem(415, "Unsupported media type")
        return read_frame(body)

    def login(self, form):
        self.state.logins += 1
        if form.get("username") != [USER] or form.get("password") != [PASSWORD]:
            raise Problem(401, "Incorrect username or password")
        token = f"token-{self.state.logins}"
        self.state.tokens.add(token)
        return 200, {"access_token": token, "token_type": "bearer"}

    def authorise(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != KEY and token not in self.state.tokens:
            raise Problem(401, "Could not validate credentials")

    def project(self, data):
        assert set(data) == {"name", "exist_ok"}
        projects = self.state.projects
        if data["name"] in projects:
            return 200, {"id": projects[data["name"]], "name": data["name"]}
        projects[data["name"]] = len(projects) + 1
        return 201, {"id": projects[data["name"]], "name": data["name"]}

    def run(self, project, data):
        assert project in self.state.projects.values()
        key = self.headers["Idempotency-Key"]
        named = [run for run in self.state.runs.values() if data.get("key") and run.get("key") == data["key"]]
        if named and data["resume"] == "join":
            return 200, named[0]
        if named and data["resume"] != "never" and key not in self.state.made_by:
            return self.branch(named[0], "resume", data)
        if key not in self.state.made_by:
            number = len(self.state.runs) + 1
            made = {"id": number, "project_id": project, "status": "running", "name": f"run {number}"}
            self.state.runs[number] = {**made, **data}
            self.state.points[number] = []
            self.state.made_by[key] = number
        return 201, self.state.runs[self.state.made_by[key]]

    def branch(self, run, verb, data):
        """What is about a run as a whole: each key once."""
        key = self.headers.get("Idempotency-Key")
        if verb == "fork" and key not in self.state.made_by:
            number = len(self.state.runs) + 1
            config = {**run["config"], **data.get("config", {})}
            self.state.runs[number] = {**run, **data, "id": number, "config": config, "parent_id": run["id"]}
            self.state.points[number] = [row for row in self.state.points[run["id"]] if row[1] <= data["step"]]
            self.state.made_by[key] = number
        elif verb == "rewind" and key not in self.state.made_by:
            self.state.points[run["id"]] = [row for row in self.state.points[run["id"]] if row[1] <= data["step"]]
            self.state.made_by[key] = run["id"]
        elif verb == "resume":
            run["status"] = "running"
            self.state.made_by.setdefault(key, run["id"])
        number = self.state.made_by[key]
        last_step = max((row[1] for row in self.state.points[number]), default=None)
        return 200, {**self.state.runs[number], "last_step": last_step}

    def post(self, kind, data):
        if not self.state.takes_changes:
            raise Problem(404, "Resource not found")
        entry = (kind, self.headers.get("Idempotency-Key"), data)
        if entry not in self.state.posts:
            self.state.posts.append(entry)
        return 201, {"id": self.state.posts.index(entry) + 1}

    def logs(self, run, data):
        """Each number once and in turn, as with points."""
        if not self.state.takes_changes:
            raise Problem(404, "Resource not found")
        assert set(data) == {"client", "seq", "lines"}
        last = self.state.writers.setdefault((run, "logs", data["client"]), [0, None])
        if data["seq"] == last[0] and data["lines"] == last[1]:
            return 200, {"last_line": 1}
        if data["seq"] != last[0] + 1:
            raise Problem(409, f"batch out of turn; expected {last[0] + 1}")
        last[:] = data["seq"], data["lines"]
        self.state.lines += data["lines"]
        return 200, {"last_line": 1}

    def change(self, run, data):
        old = {"status", "name", "config", "tags", "notes", "total_steps"}
        new = {"config_update", "add_tags", "remove_tags", "summary", "environment", "exit"}
        unknown = data.keys() - (old | new if self.state.takes_changes else old)
        if unknown:
            raise Problem(400, f"Validation error: {min(unknown)} is not a field")
        run["config"] = {**run.get("config", {}), **data.pop("config_update", {})}
        run["tags"] = [*dict.fromkeys(run.get("tags", []) + data.pop("add_tags", []))]
        gone = data.pop("remove_tags", [])
        run["tags"] = [tag for tag in run["tags"] if tag not in gone]
        run.update({**data, "environment": {**run.get("environment", {}), **data.get("environment", {})}})
        return 200, run

    def bulk(self, run, data, body):
        """All or nothing, each number once and in turn; a repeat is known by its bytes."""
        assert set(data) == {"client", "seq", "series"}
        last = self.state.writers.setdefault((run, data["client"]), [0, None, None])
        if data["seq"] < last[0] or (data["seq"] == last[0] and body == last[1]):
            return 200, last[2]
        if data["seq"] != last[0] + 1:
            raise Problem(409, f"batch out of turn; expected {last[0] + 1}")
        rows = []
        for name, column in data["series"].items():
            assert set(column) == {"steps", "values", "timestamps"}
            columns = column["steps"], column["values"], column["timestamps"]
            assert len(set(map(len, columns))) == 1
            rows += [(name, *point) for point in zip(*columns)]
        self.state.points[run] += rows
        message = f"Logged {len(rows)} metrics successfully"
        answer = {"message": message, "last_id": len(self.state.points[run])}
        if self.state.flush_after_ms is not None:
            answer["flush_after_ms"] = self.state.flush_after_ms
        last[:] = data["seq"], body, answer
        return 200, answer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments):
        self.connections = []
        super().__init__(*arguments)

    def process_request(self, request, client_address):
        self.connections.append(request)
        super().process_request(request, client_address)

    def cut_connections(self):
        """As when a process dies: nobody is served any more, not even who is already connected."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        """Quiet: clients that went away are part of the tests; a broken assertion shows as a lost point."""


class FakeServer:
    """Runs in a thread on a port that stays the same over stop and start."""

    def __init__(self, tls=None):
        self.state = State()
        self.port = 0
        self._tls = tls  # An SSLContext, for a server that speaks https.
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        handler = type("BoundHandler", (Handler,), {"state": self.state})
        self._server = Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._server.cut_connections()
