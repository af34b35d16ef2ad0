"""A thousand viewers of one run on one worker: how late a point arrives, and what that costs everybody else.

`python -m benchmarks.fanout [viewers] [broadcasts per second] [seconds]`
"""

from __future__ import annotations

import json
import multiprocessing
import re
import selectors
import socket
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import urllib3

from tests.servers import Gunicorn

LAST_ID = re.compile(rb'"last_id":(\d+)')


def main(viewers: int = 1000, rate: float = 10, seconds: float = 20) -> dict[str, float]:
    """Run it once; times are milliseconds, memory is MB."""
    server = Gunicorn(
        threads=viewers + 64,
        sockets=viewers + 10,
        sockets_per_user=viewers + 10,
        rate_limits="",
        page_limits="",
        ingest_limits="",
        ingest_points="",
    )
    try:
        return measure(server, viewers, rate, seconds)
    finally:
        server.close()


def measure(server: Gunicorn, viewers: int, rate: float, seconds: float) -> dict[str, float]:
    person = Person(server.url)
    run = person.make_run()
    idle = memory(server)
    quiet = person.latencies(f"/runs/{run}", 50)
    ours, theirs = multiprocessing.Pipe()
    crowd = multiprocessing.Process(target=watch, args=(server.port, run, person.token, viewers, theirs))
    crowd.start()
    connected = ours.recv()
    sent: dict[int, float] = {}
    meanwhile: list[float] = []
    stop = threading.Event()
    visitor = threading.Thread(target=person.visit, args=(f"/runs/{run}", meanwhile, stop))
    visitor.start()
    used = processor_seconds(server)
    began = time.monotonic()
    for count in range(int(rate * seconds)):
        time.sleep(max(0.0, began + count / rate - time.monotonic()))
        at = time.monotonic()
        sent[person.post(f"/metrics/{run}/bulk", {"series": {"loss": {"values": [0.5]}}})["last_id"]] = at
    elapsed = time.monotonic() - began
    used = processor_seconds(server) - used
    stop.set()
    visitor.join()
    time.sleep(1)
    full = memory(server)
    ours.send("done")
    arrivals: list[tuple[int, float]] = ours.recv()
    crowd.join()
    late = np.array([at - sent[last_id] for last_id, at in arrivals if last_id in sent]) * 1000
    return {
        "viewers": viewers,
        "connected in s": connected,
        "messages": len(late),
        "messages expected": viewers * len(sent),
        "arrival p50": float(np.percentile(late, 50)),
        "arrival p99": float(np.percentile(late, 99)),
        "arrival max": float(late.max()),
        "API p50 quiet": float(np.percentile(quiet, 50)),
        "API p50": float(np.percentile(meanwhile, 50)),
        "API p99": float(np.percentile(meanwhile, 99)),
        "memory idle": idle,
        "memory": full,
        "server CPU %": 100 * used / elapsed,
    }


class Person:
    """Who writes, and asks meanwhile."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = urllib3.PoolManager(maxsize=4)
        self.token = ""
        account = {"email": "a@example.com", "username": "alice", "password": "a long password"}
        self.post("/auth/register", account)
        self.token = self.post("/auth/login", account | {"email": None})["access_token"]

    def post(self, path: str, body: dict[str, object]) -> dict[str, int]:
        if path == "/auth/login":
            body = {name: body[name] for name in ("username", "password")}
        answer = self.http.request("POST", self.url + path, body=json.dumps(body), headers=self.headers())
        assert answer.status < 300, (answer.status, answer.data)
        return answer.json()

    def headers(self) -> dict[str, str]:
        kind = {"Content-Type": "application/json"}
        return kind | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    def make_run(self) -> int:
        project = self.post("/projects/", {"name": "fan-out"})["id"]
        return self.post(f"/runs/?project_id={project}", {"name": "watched"})["id"]

    def latencies(self, path: str, count: int) -> list[float]:
        return [self.ask(path) for _ in range(count)]

    def ask(self, path: str) -> float:
        began = time.monotonic()
        answer = self.http.request("GET", self.url + path, headers=self.headers())
        assert answer.status == 200, answer.status
        return (time.monotonic() - began) * 1000

    def visit(self, path: str, into: list[float], stop: threading.Event) -> None:
        while not stop.wait(0.05):
            into.append(self.ask(path))


def watch(port: int, run: int, token: str, viewers: int, pipe: Connection) -> None:
    """Open sockets and note when each message arrives, until told to stop; in a process of its own."""
    selector = selectors.DefaultSelector()
    began = time.monotonic()
    for _ in range(viewers):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(
            f"GET /ws/{run} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        answer = client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        client.setblocking(False)
        selector.register(client, selectors.EVENT_READ)
    pipe.send(time.monotonic() - began)
    arrivals: list[tuple[int, float]] = []
    while not pipe.poll():
        for key, _ in selector.select(0.2):
            data = key.fileobj.recv(65_536)  # type: ignore[union-attr]
            at = time.monotonic()
            arrivals += [(int(last_id), at) for last_id in LAST_ID.findall(data)]
    pipe.send(arrivals)


def workers(server: Gunicorn) -> list[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [int(child) for child in children]


def memory(server: Gunicorn) -> float:
    """Resident memory of the workers."""
    status = [Path(f"/proc/{pid}/status").read_text() for pid in workers(server)]
    return sum(int(re.search(r"VmRSS:\s+(\d+)", text)[1]) for text in status) / 1024  # type: ignore[index]


def processor_seconds(server: Gunicorn) -> float:
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split() for pid in workers(server)]
    return sum(int(field[11]) + int(field[12]) for field in fields) / 100


if __name__ == "__main__":
    for name, figure in main(*(int(argument) for argument in sys.argv[1:])).items():
        print(f"{name:>18}  {figure:,.1f}")
