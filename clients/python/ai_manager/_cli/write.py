"""Logging from shell scripts, and from a pipe."""

from __future__ import annotations

import json
import shlex
import sys
import time
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

import click

from ai_manager import AIManager
from ai_manager._cli.connection import RUN, connected, of_run, run_of
from ai_manager._cli.output import print_json
from ai_manager._notices import Notices
from ai_manager._reading import Reader
from ai_manager._run import FINAL, Run
from ai_manager._sending.sender import Sender
from ai_manager._values import INT64, integer, metric_name, number
from ai_manager.errors import ServerError, UnreachableError

TRIES = 4  # How often a request is made that fails for a reason that may pass.
PAUSE = 0.5  # Seconds before the second of them; then twice as many each time.


class Row(NamedTuple):
    """What one line says."""

    metrics: dict[str, float]
    step: int | None
    timestamp: float | None


@click.command()
@connected
@click.option("-r", "--run", "run_id", type=RUN, help="The number of the run to log to.")
@click.option("-p", "--project", envvar="AI_MANAGER_PROJECT", help="Without --run: begin a run in this project.")
@click.option("--name", help="The name of the run that is begun.")
@click.option("--config", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the run that is begun.")
@click.option("--tag", "tags", multiple=True, help="A tag of the run that is begun.")
@click.option("--finish", type=click.Choice(FINAL), help="End the run afterwards.")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]... | -")
def log(
    reader: Reader,
    as_json: bool,
    run_id: int | None,
    project: str | None,
    name: str | None,
    settings: tuple[str, ...],
    tags: tuple[str, ...],
    finish: str | None,
    values: tuple[str, ...],
) -> int:
    """Log values of metrics, such as `loss=0.5 acc=0.9 step=3`.

    With - they are read from standard input, a line for each step: `loss=0.5 step=3`, or JSON, `{"loss": 0.5, "step": 3}`. step= and
    timestamp= (seconds since 1970) may be left out. Without --run a run is begun: its number is printed, and it goes on until
    --finish, or until the pipe ends.
    """
    if run_id is None and not project:
        raise click.UsageError("give the --run to log to, or the --project to begin one in")
    if run_id is not None and (name or settings or tags):
        raise click.UsageError("--name, --config and --tag are for a run that is begun, without --run")
    config = dict(_setting(setting) for setting in settings)
    if values == ("-",):
        pipe = _Pipe(as_json)
        if run_id is None:
            return pipe.log_new(reader, str(project), name, config, tags, finish)
        return pipe.log_to(reader, run_id, finish)
    row = _parsed(values)
    is_new = run_id is None
    if run_id is None:
        run_id = _begin(reader, str(project), name, config, tags)
    with of_run(reader, run_id):
        if row.metrics:
            _post(reader, run_id, row)
        if finish:
            reader.transport.call("PUT", f"/runs/{run_id}", {"status": finish})
    if as_json:
        print_json({"run_id": run_id, "values": len(row.metrics)})
    elif is_new:
        click.echo(run_id)
    return 0


class _Pipe:
    """Logs what comes in by standard input. Whoever writes there never waits for the server: it goes by a spool."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._values = 0
        self._faults: list[str] = []

    def log_new(
        self, reader: Reader, project: str, name: str | None, config: Any, tags: Iterable[str], finish: str | None
    ) -> int:
        """Begin a run that lasts as long as the pipe."""
        who = reader.transport.settings
        run = AIManager(project, who.url, who.username, who.password, who.api_key).run(
            name, config, tags, capture="none"
        )
        with run:
            if not self._as_json:
                click.echo(run.id or "offline")
            self._read(run)
            is_delivered = run.finish(finish or "completed")
        return self._result(run.id, is_delivered)

    def log_to(self, reader: Reader, run_id: int, finish: str | None) -> int:
        """Log to a run that is there."""
        record = run_of(reader, run_id)
        project = reader.transport.call("GET", f"/projects/{record.project_id}")["name"]
        facts = {
            "server": reader.transport.url,
            "project": project,
            "key": uuid.uuid4().hex,
            "run": {"name": record.name, "config": record.config, "tags": record.tags},
            "mode": "online",
            "inherited": True,  # Its end is for whoever began it to say.
            "run_id": run_id,
            "created": time.time(),
        }
        run = Run(facts, Sender(reader.transport, project, Notices()), reader.transport.url)
        run._last_step = reader.last_step(run_id, list(record.metrics))
        self._read(run)
        is_delivered = run.finish()
        if finish and is_delivered:
            reader.transport.call("PUT", f"/runs/{run_id}", {"status": finish})
        return self._result(run_id, is_delivered)

    def _read(self, run: Run) -> None:
        for line in sys.stdin:
            if not line.strip():
                continue
            try:
                row = _read_line(line)
            except ValueError as error:
                self._faults.append(str(error))
                continue
            run.log(row.metrics, row.step, row.timestamp)
            self._values += len(row.metrics)

    def _result(self, run_id: int | None, is_delivered: bool) -> int:
        if self._as_json:
            print_json(
                {"run_id": run_id, "values": self._values, "delivered": is_delivered, "faults": len(self._faults)}
            )
        if self._faults:
            raise click.ClickException(f"lines not understood: {len(self._faults)}; the first: {self._faults[0]}")
        return 0 if is_delivered else 1


def _read_line(line: str) -> Row:
    """A line of a pipe. Raises ValueError with what is wrong."""
    if line.lstrip().startswith("{"):
        return _row(json.loads(line))
    return _row(dict(_pair(word) for word in shlex.split(line)))


def _parsed(words: Iterable[str]) -> Row:
    try:
        return _row(dict(_pair(word) for word in words))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.rpartition("=")
    if not equals or not name:
        raise ValueError(f"{word[:80]!r} is not NAME=VALUE")
    return name, value


def _row(fields: dict[str, Any]) -> Row:
    step, timestamp = fields.pop("step", None), fields.pop("timestamp", None)
    try:
        whole = None if step is None else integer(step)
    except Exception as error:
        raise ValueError(f"step {str(step)[:80]!r} is not a whole number") from error
    if whole is not None and not (isinstance(whole, int) and -INT64 <= whole < INT64):
        raise ValueError(f"step {str(step)[:80]!r} is not a whole number of 64 bits")
    when = None if timestamp is None else _number("timestamp", timestamp)
    return Row({metric_name(name): _number(name, value) for name, value in fields.items()}, whole, when)


def _number(name: str, value: Any) -> float:
    try:
        return float(value) if isinstance(value, str) else number(value)
    except Exception as error:
        raise ValueError(f"{name[:80]}: {str(value)[:80]!r} is not a number") from error


def _setting(word: str) -> tuple[str, Any]:
    """A setting; its value is read as JSON where it is some, else as text."""
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise click.UsageError(f"{word[:80]!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _begin(reader: Reader, project: str, name: str | None, config: dict[str, Any], tags: tuple[str, ...]) -> int:
    found = _try(reader, "POST", "/projects/", {"name": project, "exist_ok": True})
    described = {"config": config, "tags": list(tags), **({"name": name} if name else {})}
    return int(_try(reader, "POST", f"/runs/?project_id={found['id']}", described, uuid.uuid4().hex)["id"])


def _post(reader: Reader, run_id: int, row: Row) -> None:
    """Send one row. The server knows a batch that comes again."""
    column: dict[str, Any] = {} if row.step is None else {"steps": [row.step]}
    column["timestamps"] = [time.time() if row.timestamp is None else row.timestamp]
    series = {name: {"values": [value], **column} for name, value in row.metrics.items()}
    body = {"client": str(uuid.uuid4()), "seq": 1, "series": series}
    _try(reader, "POST", f"/metrics/{run_id}/bulk", body)


def _try(reader: Reader, method: str, path: str, body: Any, key: str | None = None) -> dict[str, Any]:
    """Make a request, some times where it fails for a reason that may pass."""
    for tries in range(TRIES):
        try:
            return reader.transport.call(method, path, body, key)
        except (UnreachableError, ServerError) as error:
            if tries == TRIES - 1 or (isinstance(error, ServerError) and not error.passes):
                raise
            wait = error.retry_after if isinstance(error, ServerError) else None
            time.sleep(max(wait or 0, PAUSE * 2**tries))
    raise AssertionError
