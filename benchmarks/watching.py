"""Twenty live runs through one socket: how late each point arrives. `python -m benchmarks.watching [runs] [points per second] [seconds]`"""

from __future__ import annotations

import sys
import threading
import time

import numpy as np

from tests.live.people import NO_LIMITS, Person, Socket
from tests.servers import Gunicorn


def main(runs: int = 20, rate: float = 10, seconds: float = 15) -> dict[str, float]:
    """Milliseconds from the POST of a point to its arrival; `lost` are points that never came."""
    server = Gunicorn(**NO_LIMITS)
    try:
        return measure(server, runs, rate, seconds)
    finally:
        server.close()


def measure(server: Gunicorn, runs: int, rate: float, seconds: float) -> dict[str, float]:
    person = Person(server, "alice")
    project = person.project()
    ids = [person.run(project) for _ in range(runs)]
    viewer = Socket(server, f"/ws/projects/{project}", header=[f"Authorization: Bearer {person.token}"])
    viewer.watch(dict.fromkeys(ids, 0))
    sent: dict[tuple[int, int], float] = {}
    late: list[float] = []

    def write(run: int) -> None:
        began = time.monotonic()
        for count in range(int(rate * seconds)):
            time.sleep(max(0.0, began + count / rate - time.monotonic()))
            sent[run, count + 1] = time.monotonic()
            person.post(f"/metrics/{run}/bulk", {"series": {"loss": {"values": [0.5]}}})

    writers = [threading.Thread(target=write, args=(run,)) for run in ids]
    for writer in writers:
        writer.start()
    seen = 0
    while len(late) < runs * int(rate * seconds):
        viewer.read(seconds=5, until=lambda one, seen=seen: len(one.messages) > seen)
        at = time.monotonic()
        if viewer.code is not None:
            break
        for message in viewer.messages[seen:]:
            series = message.get("series", {}).get("loss", {"ids": []})
            late += [1000 * (at - sent[message["run_id"], point_id]) for point_id in series["ids"]]
        seen = len(viewer.messages)
    for writer in writers:
        writer.join()
    p50, p95 = np.percentile(late, (50, 95))
    return {"points": len(late), "lost": len(sent) - len(late), "p50": float(p50), "p95": float(p95)}


if __name__ == "__main__":
    for name, value in main(*map(int, sys.argv[1:])).items():
        print(f"{name:8} {value:10.1f}")
