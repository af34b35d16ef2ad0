"""A training of NumPy steps of about a millisecond that logs each step of every other block; prints what the steps took.

`python training_script.py url key run-id blocks steps`. Blocks with and without logging take turns in one process, so that both
have the same arrays and the same neighbours.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from ai_manager import AIManager

STEP = 0.001  # Seconds that a step takes, about.


class Net:
    """Two layers, trained by gradient descent on batches of digits' size."""

    def __init__(self, batch: int) -> None:
        chance = np.random.default_rng(1)
        self.inputs = chance.normal(size=(batch, 64)).astype(np.float32)
        self.labels = chance.integers(0, 10, batch)
        self.first = chance.normal(scale=0.1, size=(64, 128)).astype(np.float32)
        self.second = chance.normal(scale=0.1, size=(128, 10)).astype(np.float32)

    def step(self) -> tuple[float, float]:
        """Loss and accuracy."""
        rows = np.arange(len(self.labels))
        hidden = np.maximum(self.inputs @ self.first, 0)
        scores = hidden @ self.second
        odds = np.exp(scores - scores.max(1, keepdims=True))
        odds /= odds.sum(1, keepdims=True)
        loss = -np.log(odds[rows, self.labels] + 1e-9).mean()
        slope = odds
        slope[rows, self.labels] -= 1
        slope /= len(rows)
        back = (slope @ self.second.T) * (hidden > 0)
        self.second -= 0.01 * (hidden.T @ slope)
        self.first -= 0.01 * (self.inputs.T @ back)
        return float(loss), float((scores.argmax(1) == self.labels).mean())


def net() -> Net:
    """One whose steps take about a millisecond of the processor here."""
    batch = 64
    while True:
        one = Net(batch)
        took = []
        for _ in range(30):
            began = time.thread_time()
            one.step()
            took.append(time.thread_time() - began)
        if sorted(took)[10] >= 0.9 * STEP:
            return one
        batch += 32


def main() -> None:
    url, key, blocks, steps = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    run = AIManager("training", url, api_key=key).run("each step", config={"lr": 0.01})
    run.log({"warm": 1.0})
    run.flush()
    print(run.id, flush=True)
    sys.stdin.readline()  # The network is as it is to be.
    trained, step = net(), 0
    processor: dict[bool, list[float]] = {True: [], False: []}
    whole: dict[bool, list[float]] = {True: [], False: []}
    began, used = time.perf_counter(), time.process_time()
    for block in range(blocks):
        logs = block % 2 == 1
        for _ in range(steps):
            wall, thread = time.perf_counter(), time.thread_time()
            loss, accuracy = trained.step()
            if logs:
                run.log({"train/loss": loss, "train/accuracy": accuracy, "lr": 0.01}, step=step)
                step += 1
            processor[logs].append(time.thread_time() - thread)
            whole[logs].append(time.perf_counter() - wall)
    threads = time.process_time() - used - sum(processor[True]) - sum(processor[False])
    print(json.dumps({"processor": processor[True], "processor without": processor[False], "wall": whole[True],
                      "wall without": whole[False], "threads": threads, "seconds": time.perf_counter() - began}))  # fmt: skip
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
