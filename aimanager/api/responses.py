"""What the API answers, by shape, and how rows of the database get that shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, RootModel

from ..models import ApiKey, MetricDefinition, Project, Run, RunAlert, RunMark, User
from .fields import Config, Status, TagsOut, TimeOut, ValueOut


class Problem(BaseModel):
    """Every refusal has this body."""

    detail: str = Field(examples=["Resource not found"])
    errors: list[Finding] | None = None


class Finding(BaseModel):
    loc: list[str | int] = Field(examples=[["body", "step"]])
    msg: str = Field(examples=["step must be an integer"])
    type: str = Field(examples=["int_type"])


class Token(BaseModel):
    access_token: str = Field(examples=["eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."])
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the kind of a token, not one


class UserOut(BaseModel):
    id: int
    email: str
    username: str
    is_active: bool
    is_superuser: bool
    created_at: TimeOut
    updated_at: TimeOut


class KeyOut(BaseModel):
    id: int
    name: str
    scope: Literal["read", "write"]
    prefix: str = Field(examples=["aimgr_0f1e2d"])
    created_at: TimeOut
    expires_at: TimeOut | None
    last_used_at: TimeOut | None


class KeyOnce(KeyOut):
    """The only time that the key is shown."""

    api_key: str = Field(examples=["aimgr_..."])


class TicketOut(BaseModel):
    ticket: str
    expires_in: int = Field(examples=[30])


class ProjectOut(BaseModel):
    id: int
    name: str
    description: str
    owner_id: int
    is_public: bool
    created_at: TimeOut
    updated_at: TimeOut


class RunOut(BaseModel):
    id: int
    name: str
    project_id: int
    status: Status
    config: Config
    tags: TagsOut
    notes: str
    total_steps: int | None = Field(description="How many steps there will be, if the script said so")
    archived: bool
    colour: int | None = Field(
        description="The colour of its lines that somebody chose, 0 to 19; null for one by its id"
    )
    key: str | None = Field(description="The name of its own that it is resumed by")
    parent_id: int | None = Field(description="The run that it was forked from, which may be deleted since")
    fork_step: int | None = Field(description="The last step that it has of its parent; null for all of them")
    summary: dict[str, float | str] = Field(
        description="Values that its script has set, beside those of its metrics", examples=[{"test/acc": 0.93}]
    )
    started_at: TimeOut
    ended_at: TimeOut | None
    stop_requested_at: TimeOut | None = Field(description="Since when the script is asked to stop; null when it is not")
    created_at: TimeOut
    updated_at: TimeOut


class RunListed(RunOut):
    metrics: list[SummaryOut] | None = Field(None, description="With `summaries=1`; what /metrics/{id}/summary answers")


class RunStarted(RunOut):
    """The two last fields are of a run that was there already."""

    resumed: bool = Field(False, description="The run was there and goes on")
    last_step: int | None = Field(None, description="The greatest step of all its metrics; null without points")


class EnvironmentOut(BaseModel):
    environment: dict[str, Any] | None = Field(
        description="What its script said of where it runs: command, git, packages, host and so on"
    )
    exit: dict[str, Any] | None = Field(
        description="How it ended: code, signal, error", examples=[{"code": 1, "error": "Traceback ..."}]
    )


class DefinitionOut(BaseModel):
    goal: Literal["min", "max"] | None = Field(description="null: guessed from the name")
    x: str | None = Field(examples=["epoch"])


class Definitions(RootModel[dict[str, DefinitionOut]]):
    """By the names of metrics."""


class NoteOut(BaseModel):
    id: int
    run_id: int
    metric: str | None = Field(examples=["train/loss"], description="null for a note about the whole run")
    step: int | None
    time: TimeOut | None
    text: str = Field(examples=["The learning rate was **too high** here"])
    author: str | None
    created_at: TimeOut
    updated_at: TimeOut


class LineOut(BaseModel):
    line: int = Field(examples=[120], description="Lines are numbered from 1")
    stream: Literal["stdout", "stderr"]
    time: float = Field(examples=[1700000000.25], description="Seconds since 1970")
    text: str = Field(examples=["epoch 1: loss 0.52"], description="Its escape sequences are those of colours")
    rank: int | None = Field(None, description="Missing where the process said none")


class LogsOut(BaseModel):
    lines: list[LineOut]
    first: int = Field(description="From here ...")
    last: int = Field(description="... to here was looked")
    last_line: int = Field(description="How many lines there are")
    settled: int = Field(description="No line up to this one is written over any more")
    left_out: int = Field(description="Lines that came when the run had as much as is kept")


class LogsKept(BaseModel):
    message: str = Field(examples=["Kept 120 lines"])
    last_line: int = Field(examples=[4711])
    left_out: int = Field(description="Lines of this request for which there was no room")


class AlertOut(BaseModel):
    id: int
    run_id: int
    title: str = Field(examples=["Loss is NaN"])
    text: str
    level: Literal["info", "warning", "error"]
    step: int | None
    time: TimeOut
    created_at: TimeOut


class MetricOut(BaseModel):
    id: int
    run_id: int
    name: str
    value: ValueOut
    step: int
    timestamp: TimeOut


class Message(BaseModel):
    message: str = Field(examples=["Logged 3 metrics successfully"])


class Logged(BaseModel):
    message: str = Field(examples=["Logged 3 metrics successfully"])
    last_id: int = Field(examples=[12345])
    flush_after_ms: int = Field(
        examples=[250], description="Milliseconds after which the client should send its next batch"
    )
    stop_requested: bool = Field(description="Whether somebody asks the run to stop")


class Heartbeat(BaseModel):
    flush_after_ms: int = Field(
        examples=[250], description="Milliseconds after which the client should send its next batch"
    )
    heartbeat_after_ms: int = Field(
        examples=[15000], description="Milliseconds after which the client should send its next heartbeat"
    )
    stop_requested: bool = Field(description="Whether somebody asks the run to stop")


class History(BaseModel):
    name: str
    values: list[ValueOut]
    steps: list[int]
    timestamps: list[TimeOut]


class SummaryOut(BaseModel):
    name: str
    current_value: ValueOut
    min_value: float | None
    max_value: float | None
    mean_value: float | None
    total_points: int


class ChartOut(BaseModel):
    """One row a bucket; `exact` when every point is drawn. `bad` marks where values were not finite."""

    name: str
    x_axis: str = Field(description="step, time, relative, or metric:NAME", examples=["step"])
    total_points: int
    exact: bool
    x: list[float | int]
    min: list[float | None]
    max: list[float | None]
    last: list[float | None]
    counts: list[int]
    bad: list[BadOut]


class ChartOfRun(ChartOut):
    """One of several charts. The run's points up to `last_id` are in it."""

    run_id: int
    last_id: int


class NoChart(BaseModel):
    """In the place of a chart whose points cannot be read: one sentence that says why."""

    run_id: int
    name: str
    last_id: int
    error: str


class ChartsOut(BaseModel):
    """Several charts, run by run in the requested order; `last_id` is of the run in the path."""

    last_id: int
    charts: list[ChartOfRun | NoChart]


class ChartAnswer(RootModel[ChartOut | ChartsOut]):
    """One chart if one name of one run was requested, else several."""


class GroupChartOut(BaseModel):
    """A metric of several runs as one line: the mean of the runs at each place of x, `low` and `high` one standard deviation
    from it, `min` and `max` over all points. `exact`: each place is one where runs have points."""

    name: str
    x_axis: Literal["step", "time", "relative"]
    method: Literal["exact", "interpolated", "thinned"]
    runs: int = Field(description="How many of the runs have the metric")
    total_points: int
    exact: bool
    x: list[float | int]
    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]
    min: list[float | None]
    max: list[float | None]
    counts: list[int] = Field(description="How many runs count at each place")
    bad: list[BadOut]


class NoGroupChart(BaseModel):
    """In the place of a chart whose points cannot be read: one sentence that says why."""

    name: str
    error: str


class GroupChartsOut(BaseModel):
    """A chart for each name that a run of the group has; the points of each run up to its `last_ids` are in all of them."""

    last_ids: dict[str, int] = Field(examples=[{"1": 120, "2": 118}])
    charts: list[GroupChartOut | NoGroupChart]


class BadOut(BaseModel):
    x: float | int
    value: Literal["NaN", "Infinity", "-Infinity"]


class Document(RootModel[dict[str, Any]]):
    """This API as an OpenAPI 3.1 document."""


class Health(BaseModel):
    """`/healthz` says only the status; `/readyz` adds one word for each part."""

    status: Literal["ok", "degraded", "unavailable"]
    database: str | None = None
    schema_: str | None = Field(None, alias="schema")
    disk: str | None = None
    bus: str | None = None
    limits: str | None = None


def user_out(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in UserOut.model_fields}


def key_out(key: ApiKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in KeyOut.model_fields}


def project_out(project: Project) -> dict[str, Any]:
    return {name: getattr(project, name) for name in ProjectOut.model_fields}


def run_out(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in RunOut.model_fields}


def resumed_out(run: Run, last_step: int | None) -> dict[str, Any]:
    return run_out(run) | {"resumed": True, "last_step": last_step}


def alert_out(alert: RunAlert) -> dict[str, Any]:
    return {name: getattr(alert, name) for name in AlertOut.model_fields}


def definitions_out(definitions: Mapping[str, MetricDefinition]) -> dict[str, Any]:
    return {name: {"goal": one.goal, "x": one.x} for name, one in definitions.items()}


def note_out(note: RunMark, author: str | None) -> dict[str, Any]:
    return {name: getattr(note, name) for name in NoteOut.model_fields if name != "author"} | {"author": author}
