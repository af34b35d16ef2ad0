"""How long a script goes on after its last line, with the server gone in four ways: at its end, at the end of its run, and by SIGTERM."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

from tests.live.people import Person
from tests.network import Link
from tests.servers import Gunicorn

from .figure import Figure

SCRIPT = """
import signal, sys, time
import ai_manager
ai_manager.finish_on_signal(signal.SIGTERM)
run = ai_manager.AIManager("ending", sys.argv[1], api_key=sys.argv[2]).run("ends")
run.log({"loss": 1.0})
run.flush()
print("begun", flush=True)
sys.stdin.readline()
for step in range(10_000):
    run.log({"loss": 1.0})
"""
ENDINGS = {"at the end of the script": "", "by finish()": "run.finish()\n", "by SIGTERM": "time.sleep(600)\n"}
TROUBLES = {"silent": "hold", "dropping packets": "vanish", "answering 500": "fail", "away": "refuse"}
LONGEST = 60.0  # Seconds after which an exit that does not come is a failure of the benchmark.
LAST = 'print("the last line", flush=True)\n'


def figures() -> list[Figure]:
    server = Gunicorn(rate_limits="")
    try:
        person = Person(server, "ender")
        found, silent = [], 0
        for way, ending in ENDINGS.items():
            for words, trouble in TROUBLES.items():
                link = Link(server.port)
                try:
                    took, says_how = end(link, person.token, ending, trouble)
                finally:
                    link.close()
                silent += says_how != 1
                found.append(Figure(f"server {words}: exit {way}", took, "s", 5))
        return [*found, Figure("exits without one line that says how to sync", silent, "", 0)]
    finally:
        server.close()


def end(link: Link, key: str, ending: str, trouble: str) -> tuple[float, int]:
    """Seconds from the last line to the exit, and how often it was said how to bring in the rest."""
    with TemporaryDirectory() as spools:
        environment = {"PATH": "/usr/bin:/bin", "AI_MANAGER_SPOOL_DIR": spools}
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", SCRIPT + LAST + ending, link.url, key]
        with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as script:
            assert script.stdin
            assert script.stdout
            try:
                script.stdout.readline()
                getattr(link, trouble)()
                print("go", file=script.stdin, flush=True)
                script.stdout.readline()
                began = time.monotonic()
                if "sleep" in ending:
                    script.send_signal(signal.SIGTERM)
                _, errors = script.communicate(timeout=LONGEST)
            finally:
                script.kill()
            return time.monotonic() - began, errors.count("`ai-manager sync`")
