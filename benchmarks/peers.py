"""Keeps rows of metrics as another tracker does, and prints the bytes of its database. Run by that tracker's Python.

`python peers.py trackio|mlflow rows.jsonl folder`; each line is {"run", "step", "time" (microseconds), "metrics"}.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

MOST = 1000


def trackio(rows: list[dict], folder: Path) -> Path:
    """What its client sends, each row with an id of its own, stored by what its server calls."""
    os.environ["TRACKIO_DIR"] = str(folder)
    from trackio.sqlite_storage import SQLiteStorage

    for run, mine in itertools.groupby(rows, lambda row: row["run"]):
        run_id, left = uuid.uuid4().hex, list(mine)
        for at in range(0, len(left), MOST):
            some = left[at : at + MOST]
            SQLiteStorage.bulk_log(
                "bench",
                run,
                [row["metrics"] for row in some],
                steps=[row["step"] for row in some],
                timestamps=[datetime.fromtimestamp(row["time"] / 1e6, UTC).isoformat() for row in some],
                log_ids=[uuid.uuid4().hex for _ in some],
                run_id=run_id,
            )
    return folder / "bench.db"


def mlflow(rows: list[dict], folder: Path) -> Path:
    """Its own client on its own SQLite store, as many metrics in a request as it takes."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment("bench", artifact_location=str(folder))
    for _, mine in itertools.groupby(rows, lambda row: row["run"]):
        run_id = client.create_run(experiment).info.run_id
        metrics = [
            Metric(name, value, row["time"] // 1000, row["step"])
            for row in mine
            for name, value in row["metrics"].items()
        ]
        for at in range(0, len(metrics), MOST):
            client.log_batch(run_id, metrics[at : at + MOST])
    return folder / "mlflow.db"


def size(path: Path) -> int:
    """Bytes in use in a SQLite file, what is still in its log included."""
    with sqlite3.connect(path) as connection:
        used, free, page = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return (used - free) * page


def main() -> None:
    keep, path, folder = {"trackio": trackio, "mlflow": mlflow}[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir()
    print(size(keep([json.loads(line) for line in path.read_text().splitlines()], folder)))


if __name__ == "__main__":
    main()
