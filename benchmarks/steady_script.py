"""Logs at a steady pace until a line comes on its standard input, then prints what that cost, and after the end what was dropped.

`python steady_script.py url key steps-per-second`
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from array import array

from ai_manager import AIManager


def memory() -> float:
    """Resident megabytes of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def main() -> None:
    url, key, rate = sys.argv[1], sys.argv[2], int(sys.argv[3])
    spent = array("d", bytes(8 * 2_000_000))  # Made before the memory is measured; it is touched as a whole.
    run = AIManager("steady", url, api_key=key).run("a steady pace")
    run.log({"train/loss": 1.0, "train/accuracy": 0.0, "lr": 0.01}, step=0)
    run.flush()
    print(run.id, flush=True)
    begun, step, start, most = time.monotonic(), 1, memory(), 0.0
    while not select.select([sys.stdin], [], [], 0)[0]:
        for _ in range(max(1, rate // 10)):
            at = time.perf_counter()
            run.log({"train/loss": 1 / step, "train/accuracy": step / 1e9, "lr": 0.01}, step=step)
            spent[step] = time.perf_counter() - at
            step += 1
        most = max(most, memory())
        time.sleep(max(0.0, begun + step / rate - time.monotonic()))
    took = sorted(spent[1:step])
    cost = {"p99": 1e6 * took[len(took) * 99 // 100], "longest": 1e6 * took[-1]}
    print(json.dumps({"steps": step, "memory": most - start, **cost}), flush=True)
    run.finish()
    print(run.dropped, flush=True)


if __name__ == "__main__":
    main()
