"""A script in a process of its own that logs at a steady pace, and what of it has arrived."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ai_manager import AIManager

from tests.live.people import Person

PROGRAM = Path(__file__).parent / "steady_script.py"


class Script:
    """Begins with a first step that has arrived; to be ended with `end`. Leaving the block kills it."""

    def __init__(self, url: str, person: Person, spools: str, rate: int) -> None:
        self._person = person
        environment = {"PATH": "/usr/bin:/bin", "AI_MANAGER_SPOOL_DIR": spools}
        command = [sys.executable, str(PROGRAM), url, person.token, str(rate)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
        self.run = int(self._line())
        self.steps = self.dropped = 0

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

    def end(self) -> dict[str, Any]:
        """Let it finish; what it says of the time (us) and memory (MB) that logging took."""
        assert self._process.stdin
        print("enough", file=self._process.stdin, flush=True)
        said = json.loads(self._line())
        self.steps, self.dropped = said["steps"], int(self._line())
        self._process.wait()
        return said

    def arrived(self) -> int:
        """Steps that are on the server."""
        status, metrics = self._person.ask("GET", f"/metrics/{self.run}/summary")
        assert status == 200, metrics
        return sum(metric["total_points"] for metric in metrics if metric["name"] == "train/loss")

    def seconds_until(self, steps: float, at_most: float) -> float:
        """Wait until so many have arrived."""
        began = time.monotonic()
        while self.arrived() < steps and time.monotonic() < began + at_most:
            time.sleep(0.2)
        return time.monotonic() - began

    def wrong(self) -> int:
        """How many of all steps are missing, there twice, or not in their place; to be asked after the end."""
        server = AIManager("steady", self._person.server.url, api_key=self._person.token)
        steps = np.asarray(server.get_run(self.run).history("train/loss").columns["step"])
        if len(steps) != self.steps:
            return abs(self.steps - len(steps))
        return int((steps != np.arange(self.steps)).sum()) + self.dropped
