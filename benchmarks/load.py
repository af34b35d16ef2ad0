"""Requests as fast as they are answered, over connections that stay open: by wrk, or by threads where there is none."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SCRIPT = Path(__file__).parent / "post.lua"


@dataclass(frozen=True)
class Rate:
    """Requests per second, answers that were not a success, and the 99th percentile of the wait in milliseconds."""

    per_second: float
    failed: int
    p99: float


def post(url: str, body: str, token: str, connections: int, seconds: float) -> Rate:
    """Send one body over and over."""
    if wrk := shutil.which("wrk"):
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(SCRIPT), url]
        env = os.environ | {"TOKEN": token, "BODY": body}
        said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
        per_second, failed, p99 = said.splitlines()[-1].split()
        return Rate(float(per_second), int(failed), float(p99))
    print("wrk is not installed (Debian package wrk): threads of Python send instead, and are slower", file=sys.stderr)
    return _by_threads(url, body, token, connections, seconds)


def _by_threads(url: str, body: str, token: str, connections: int, seconds: float) -> Rate:
    target = urlsplit(url)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    waits: list[float] = []
    failed: list[int] = []
    end = time.monotonic() + seconds

    def send() -> None:
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
        while (began := time.monotonic()) < end:
            connection.request("POST", target.path, body, headers)
            answer = connection.getresponse()
            answer.read()
            waits.append(time.monotonic() - began)
            if answer.status >= 300:
                failed.append(answer.status)
        connection.close()

    senders = [threading.Thread(target=send) for _ in range(connections)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    waits.sort()
    return Rate(len(waits) / seconds, len(failed), 1000 * waits[int(len(waits) * 0.99)])
