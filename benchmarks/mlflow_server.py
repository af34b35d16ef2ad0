"""MLflow's own tracking server on SQLite, in a virtual environment of its own under .cache/mlflow."""

from __future__ import annotations

import json
import os
from typing import Any

import urllib3

from tests.servers import Server

from .environment import python_of

MOST = 1000  # Metrics in a request.


class MLflow(Server):
    """`mlflow server` with one worker, as ours has, and without its background jobs."""

    patience = 180.0

    def __init__(self) -> None:
        super().__init__()
        self.http = urllib3.HTTPConnectionPool("127.0.0.1", self.port, maxsize=1, retries=False)
        command = [str(python_of("mlflow")), "-m", "mlflow", "server", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db", "--workers", "1"]
        command += ["--default-artifact-root", str(self.folder / "artifacts")]
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        try:
            self.spawn(command, os.environ | quiet)
        except RuntimeError:
            self.kill()
            raise

    def answers(self) -> bool:
        try:
            return self.http.request("GET", "/health", timeout=5).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def stop(self, seconds: float = 15) -> int:
        """It is several processes: end them all."""
        self.kill()
        return 0

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.request(
            "POST", f"/api/2.0/mlflow/{path}", body=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert answer.status == 200, (answer.status, answer.data[:500])
        return answer.json()

    def make_run(self) -> str:
        experiment = self.post("experiments/create", {"name": "bulk"})["experiment_id"]
        return self.post("runs/create", {"experiment_id": experiment, "start_time": 0})["run"]["info"]["run_id"]

    def count(self, run: str, key: str) -> int:
        """How many points of a metric can be read."""
        fields = {"run_id": run, "metric_key": key, "max_results": "25000"}
        answer = self.http.request("GET", "/api/2.0/mlflow/metrics/get-history", fields=fields)
        return len(answer.json()["metrics"])
