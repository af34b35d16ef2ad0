"""What logging each step costs a training whose steps take a millisecond: with the server there, and with it gone in three ways."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.live.people import Person
from tests.network import Link
from tests.servers import Gunicorn

from .figure import Figure

SCRIPT = Path(__file__).parent / "training_script.py"
BLOCKS, STEPS = 20, 500  # Every other block logs each of its steps.


def figures() -> list[Figure]:
    server = Gunicorn()
    try:
        person = Person(server, "trainer")
        found = []
        for words in ("up", "gone and silent", "gone, packets dropped", "answering 500"):
            link = Link(server.port)
            try:
                found += measure(link, person.token, words)
            finally:
                link.close()
        return found
    finally:
        server.close()


def measure(link: Link, key: str, words: str) -> list[Figure]:
    """Figures of one training; the server is there when its run begins."""
    change = {"gone and silent": link.hold, "gone, packets dropped": link.vanish, "answering 500": link.fail}
    with TemporaryDirectory() as spools:
        environment = {"PATH": "/usr/bin:/bin", "AI_MANAGER_SPOOL_DIR": spools}
        command = [sys.executable, str(SCRIPT), link.url, key, str(BLOCKS), str(STEPS)]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        ) as script:
            assert script.stdout
            script.stdout.readline()
            change.get(words, lambda: None)()
            said = script.communicate("go\n")[0]
    return slowed(json.loads(said), f"1 ms steps, each logged, server {words}")


def slowed(took: dict[str, Any], what: str) -> list[Figure]:
    """By the processor time of the training thread, which other programs do not change, and by the clock."""
    processor, processor_without = np.array(took["processor"]), np.array(took["processor without"])
    wall, wall_without = np.array(took["wall"]), np.array(took["wall without"])
    return [
        Figure(f"{what}: slower by processor time", percent(processor.sum(), processor_without.sum()), "%", 1),
        Figure(f"{what}: slower by the clock, median step", percent(np.median(wall), np.median(wall_without)), "%", 1),
        Figure(f"{what}: slower by the clock, mean step", percent(wall.mean(), wall_without.mean()), "%"),
        Figure(f"{what}: a step without", float(np.median(wall_without)) * 1e3, "ms"),
        Figure(f"{what}: the client's threads, of a processor", 100 * took["threads"] / took["seconds"], "%"),
    ]


def percent(with_: float, without: float) -> float:
    return 100 * (float(with_) / float(without) - 1)
