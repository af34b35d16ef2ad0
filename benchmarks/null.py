"""The least that Flask can do behind our gunicorn: the ceiling for every request."""

from __future__ import annotations

import runpy
import sys
import urllib.error
import urllib.request

from flask import Flask

from tests.servers import ROOT, Server

app = Flask(__name__)


@app.get("/")
@app.post("/")
def nothing() -> dict[str, str]:
    return {"message": "ok"}


class NullServer(Server):
    """That endpoint, served with the settings of gunicorn.conf.py."""

    def __init__(self) -> None:
        super().__init__()
        conf = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
        command = [sys.executable, "-m", "gunicorn", "--config", "/dev/null", "--bind", f"127.0.0.1:{self.port}"]
        for name in ("worker_class", "workers", "threads", "worker_connections", "worker_tmp_dir"):
            if name in conf:
                command += [f"--{name.replace('_', '-')}", str(conf[name])]
        command += ["--keep-alive", str(conf["keepalive"]), "--no-control-socket", "--log-level", "warning"]
        self.spawn([*command, "benchmarks.null:app"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def answers(self) -> bool:
        try:
            return urllib.request.urlopen(self.url, timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False
