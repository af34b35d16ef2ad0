"""Training scripts for the tests of faults: they log, and send again what was not answered, until it is.

What such a script leaves behind must be exactly what it logged: each value once, in its order, whatever happened to
the server meanwhile. `check` says so of a whole run.
"""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from collections import Counter
from typing import Any

import urllib3

from tests.waiting import becomes, wait_until

NO_LIMITS = {"rate_limits": "", "page_limits": "", "ingest_limits": "", "ingest_points": ""}
PASSWORD = "a long password"
PATIENCE = 60  # Seconds that a script goes on trying before the test is given up.

# Emptied after each test.
http = urllib3.PoolManager(maxsize=32, retries=False, timeout=20)


class Account:
    """Somebody with a token, at an address; nothing is sent twice unless a test says so."""

    def __init__(self, url: str, name: str = "alice") -> None:
        self.url, self.name, self.token = url, name, ""
        account = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
        self.must("POST", "/auth/register", account)
        self.token = self.must("POST", "/auth/login", {"username": name, "password": PASSWORD})["access_token"]

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """One request, one answer. Raises urllib3's errors when there is none."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"} | (headers or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body)
        return http.request(method, self.url + path, body=data, headers=headers)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self.send(method, path, body)
        return answer.status, json.loads(answer.data) if answer.data else None

    def must(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.ask(method, path, body)
        assert status < 300, (status, answer)
        return answer

    def run(self) -> int:
        """A new run in a new project."""
        project = self.must("POST", "/projects/", {"name": "faults"})["id"]
        return self.must("POST", f"/runs/?project_id={project}", {"name": "run"})["id"]

    def values(self, run: int, name: str) -> list[float]:
        """All values of a metric, as they are stored."""
        status, answer = self.ask("GET", f"/metrics/{run}/history/{name}")
        return answer["values"] if status == 200 else []


class Script(threading.Thread):
    """Logs 0, 1, 2, ... to a metric of its own, a request after the other, each until it is acknowledged."""

    def __init__(self, account: Account, run: int, number: int, kind: str = "bulk") -> None:
        super().__init__(name=f"{kind}-{number}", daemon=True)
        self.account, self.run_id, self.metric = account, run, f"{kind}-{number}/value"
        self.kind = kind
        self.me = uuid.uuid4().hex
        self.logged = 0  # Values that were acknowledged.
        self.statuses: Counter[int | str] = Counter()
        self.failed = ""
        self._stopping = threading.Event()
        self.start()

    def run(self) -> None:
        for seq in itertools.count(1):
            if self._stopping.is_set():
                return
            values = [float(self.logged + place) for place in range(1 + seq % 3 if self.kind == "bulk" else 1)]
            if not self._until_acknowledged(seq, values):
                return
            self.logged += len(values)

    def _until_acknowledged(self, seq: int, values: list[float]) -> bool:
        """Send a request again and again, until it is acknowledged or was refused for good, as `failed` then says."""
        if not becomes(lambda: self._is_settled(seq, values), PATIENCE, every=0.02):
            self.failed = f"not acknowledged within {PATIENCE} s"
        return not self.failed

    def _is_settled(self, seq: int, values: list[float]) -> bool:
        try:
            answer = self._post(seq, values)
        except urllib3.exceptions.HTTPError as error:
            self.statuses[type(error).__name__] += 1
            return False
        self.statuses[answer.status] += 1
        if answer.status == 503:
            assert json.loads(answer.data)["detail"]
            assert int(answer.headers["Retry-After"]) >= 1
            return False
        if answer.status >= 300:
            self.failed = f"{answer.status}: {answer.data[:300]!r}"
        return True

    def _post(self, seq: int, values: list[float]) -> urllib3.BaseHTTPResponse:
        path, key = f"/metrics/{self.run_id}", {"Idempotency-Key": f"{self.me}-{seq}"}
        if self.kind == "single":
            return self.account.send("POST", path, {"name": self.metric, "value": values[0]}, key)
        if self.kind == "batch":
            # The second metric is the same for all: its points are counted in `check`.
            metrics = {self.metric: values[0], "shared": values[0]}
            return self.account.send("POST", path + "/batch", {"metrics": metrics}, key)
        body = {"client": self.me, "seq": seq, "series": {self.metric: {"values": values}}}
        return self.account.send("POST", path + "/bulk", body)

    def finish(self) -> None:
        """Let the request that is on its way come to its end."""
        self._stopping.set()
        self.join(PATIENCE + 5)
        assert not self.is_alive(), f"{self.name} hangs"
        assert not self.failed, f"{self.name}: {self.failed}"


def start_scripts(account: Account, run: int, kinds: str = "bulk bulk bulk single batch") -> list[Script]:
    return [Script(account, run, number, kind) for number, kind in enumerate(kinds.split())]


def wait_for_progress(scripts: list[Script], values: int = 10) -> None:
    """Wait until each script has logged that many values more."""
    before = [script.logged for script in scripts]
    wait_until(
        lambda: all(
            script.failed or script.logged >= count + values for script, count in zip(scripts, before, strict=True)
        ),
        PATIENCE,
    )


def check(account: Account, run: int, scripts: list[Script]) -> None:
    """Nothing acknowledged is lost, nothing is there twice, nothing was invented; and the sums are right."""
    for script in scripts:
        expected = [float(value) for value in range(script.logged)]
        assert account.values(run, script.metric) == expected, script.metric
    shared = sum(script.logged for script in scripts if script.kind == "batch")
    assert len(account.values(run, "shared")) == shared
    total = shared + sum(script.logged for script in scripts)
    assert ids(account, run) == list(range(1, total + 1))
    check_summary(account, run)


def ids(account: Account, run: int) -> list[int]:
    """The ids of all points of a run, in their order."""
    ids: list[int] = []
    while page := account.must("GET", f"/metrics/{run}?limit=50000&skip={len(ids)}"):
        ids += [point["id"] for point in page]
    return sorted(ids)


def check_summary(account: Account, run: int) -> None:
    """What is kept at write time is what one would count now."""
    for row in account.must("GET", f"/metrics/{run}/summary"):
        values = account.values(run, row["name"])
        assert row["total_points"] == len(values)
        assert row["current_value"] == values[-1]
        assert (row["min_value"], row["max_value"]) == (min(values), max(values))
        assert abs(row["mean_value"] - sum(values) / len(values)) < 1e-6
