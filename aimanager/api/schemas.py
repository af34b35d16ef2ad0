"""Shapes in and out, nothing else. What a value means is checked in the services."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema, model_validator

from ..models import ApiKey, Project, Run, User
from .fields import (
    INT64,
    VALUE_SCHEMA,
    Bound,
    Config,
    Digits,
    Id,
    Numbers,
    Row,
    Seconds,
    Status,
    Step,
    Tags,
    Time,
    TimeOut,
    Value,
    ValueOut,
    frame_column,
)  # fmt: skip

MOST_BUCKETS = 200_000  # In one answer, which is made in memory.


class Input(BaseModel):
    """What is sent to us: types are strict, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Problem(BaseModel):
    """Every refusal has this body."""

    detail: str = Field(examples=["Resource not found"])
    errors: list[Finding] | None = None


class Finding(BaseModel):
    loc: list[str | int] = Field(examples=[["body", "step"]])
    msg: str = Field(examples=["step must be an integer"])
    type: str = Field(examples=["int_type"])


class Register(Input):
    email: Annotated[str, Field(max_length=254, examples=["user@example.com"])]
    username: Annotated[str, Field(max_length=300, examples=["username"])]
    password: Annotated[str, Field(examples=["password"], repr=False)]


class Login(BaseModel):
    """`username` may be the email. What else a password form sends (`grant_type`, ...) is left alone."""

    username: Annotated[str, Field(examples=["your_username"])]
    password: Annotated[str, Field(examples=["your_password"], repr=False)]


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


class Account(Input):
    """The present password goes with every change."""

    password: Annotated[str, Field(repr=False)]
    email: Annotated[str | None, Field(max_length=254)] = None
    new_password: Annotated[str | None, Field(repr=False)] = None


class KeyIn(Input):
    name: Annotated[str, Field(min_length=1, max_length=100, examples=["laptop"])]
    scope: Literal["read", "write"] = "write"
    expires_at: Time | None = None


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


class TicketIn(Input):
    run_id: Id


class TicketOut(BaseModel):
    ticket: str
    expires_in: int = Field(examples=[30])


class ProjectIn(Input):
    """With `exist_ok` a project of yours with this name is answered (200) instead of making another."""

    name: Annotated[str, Field(min_length=1, max_length=200, examples=["My Project"])]
    description: Annotated[str | None, Field(examples=["A machine learning project"])] = ""
    is_public: bool = False
    exist_ok: bool = False


class ProjectChanges(Input):
    name: Annotated[str, Field(min_length=1, max_length=200)] = ""
    description: str | None = ""
    is_public: bool = False


class ProjectOut(BaseModel):
    id: int
    name: str
    description: str
    owner_id: int
    is_public: bool
    created_at: TimeOut
    updated_at: TimeOut


class RunIn(Input):
    name: Annotated[str | None, Field(min_length=1, max_length=200, examples=["Training Run 1"])] = None
    config: Config | None = None
    tags: Tags | None = None
    notes: str = ""


class RunChanges(Input):
    name: Annotated[str, Field(min_length=1, max_length=200)] = ""
    status: Status = "running"
    ended_at: Time | None = None
    config: Config = {}
    tags: Tags = []
    notes: str = ""


class RunOut(BaseModel):
    id: int
    name: str
    project_id: int
    status: Status
    config: Config
    tags: Tags
    notes: str
    started_at: TimeOut
    ended_at: TimeOut | None
    created_at: TimeOut
    updated_at: TimeOut


class MetricIn(Input):
    name: Annotated[str, Field(min_length=1, max_length=250, examples=["loss"])]
    value: Value
    step: Step | None = None
    timestamp: Time | None = None


class MetricOut(BaseModel):
    id: int
    run_id: int
    name: str
    value: ValueOut
    step: int
    timestamp: TimeOut


class BatchIn(Input):
    metrics: Annotated[
        Row, Field(min_length=1, max_length=10000), WithJsonSchema({
            "type": "object", "minProperties": 1, "maxProperties": 10000, "additionalProperties": VALUE_SCHEMA,
            "examples": [{"loss": 0.5, "accuracy": 0.85}],
        }),
    ]  # fmt: skip
    step: Step | None = None
    timestamp: Time | None = None


class Message(BaseModel):
    message: str = Field(examples=["Logged 3 metrics successfully"])


class SeriesIn(Input):
    """Parallel columns. Steps and timestamps (seconds since 1970) may be left out."""

    values: Annotated[Numbers, WithJsonSchema({"type": "array", "items": VALUE_SCHEMA, "examples": [[0.5, 0.4, 0.3]]})]
    steps: Annotated[list[Step] | None, Field(examples=[[1, 2, 3]])] = None
    timestamps: Annotated[list[Seconds] | None, Field(examples=[[1700000000.0, 1700000000.1, 1700000000.2]])] = None


Client = Annotated[str | None, Field(min_length=1, max_length=100, examples=["8f14e45f-ceea-467f-a9d6-3d3d3d3d3d3d"])]
Seq = Annotated[int | None, Field(ge=1, lt=INT64, examples=[1])]


class BulkIn(Input):
    client: Client = None
    seq: Seq = None
    series: Annotated[dict[str, SeriesIn], Field(min_length=1, max_length=10000)]


class FramedSeries(Input):
    """As `SeriesIn`, with columns of a frame; timestamps in seconds, or in whole microseconds."""

    values: Annotated[Any, frame_column("f8", "f4")]
    steps: Annotated[Any, frame_column("i8", optional=True)] = None
    timestamps: Annotated[Any, frame_column("f8", "i8", optional=True)] = None


class BulkFrame(Input):
    """As `BulkIn`, in a frame."""

    model_config = ConfigDict(strict=True)

    client: Client = None
    seq: Seq = None
    series: Annotated[dict[str, FramedSeries], Field(min_length=1, max_length=10000)]


class Logged(BaseModel):
    message: str = Field(examples=["Logged 3 metrics successfully"])
    last_id: int = Field(examples=[12345])
    flush_after_ms: int = Field(examples=[2000], description="How soon the next batch is wanted")


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
    x_axis: Literal["step", "time", "relative"]
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
    """Several charts, run by run in the order asked for; `last_id` is of the run in the path."""

    last_id: int
    charts: list[ChartOfRun | NoChart]


class ChartAnswer(RootModel[ChartOut | ChartsOut]):
    """One chart if one name of one run was asked for, else several."""


class BadOut(BaseModel):
    x: float | int
    value: Literal["NaN", "Infinity", "-Infinity"]


class Paging(BaseModel):
    skip: Annotated[int, Field(ge=0, lt=INT64), Digits] = 0
    limit: Annotated[int, Field(ge=1, le=1000), Digits] = 100


class ProjectQuery(Paging):
    visibility: Literal["mine", "public"] = "mine"
    name: Annotated[str | None, Field(max_length=200)] = None


class RunQuery(Paging):
    """With any of `sort`, `order`, `filter`, `after` the list is of one project and pages by cursor."""

    project_id: Annotated[int | None, Field(ge=1, lt=INT64), Digits] = None
    sort: Annotated[str | None, Field(max_length=300, examples=["metric:val/loss.min"])] = None
    order: Literal["asc", "desc"] | None = None
    filter: Annotated[str | None, Field(max_length=2000, examples=["val/acc > 0.9 and config.lr = 0.001 baseline"])] = (
        None
    )
    after: Annotated[str | None, Field(max_length=4000, description="X-Next-Cursor of the page before")] = None

    @property
    def by_cursor(self) -> bool:
        return any(part is not None for part in (self.sort, self.order, self.filter, self.after))


class RunPlace(BaseModel):
    project_id: Annotated[int, Field(ge=1, lt=INT64), Digits]


class PointQuery(BaseModel):
    metric_name: Annotated[str | None, Field(max_length=250)] = None
    skip: Annotated[int, Field(ge=0, lt=INT64), Digits] = 0
    limit: Annotated[int, Field(ge=1, le=100000), Digits] = 1000


class HistoryQuery(BaseModel):
    """Says what `Accept` says, where headers cannot be set."""

    format: Literal["json", "columns", "csv", "arrow"] | None = None


class ChartQuery(BaseModel):
    """`min` and `max` bound x, both included: steps, seconds since 1970, or seconds since the run's first point."""

    name: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=250)]],
        Field(min_length=1, max_length=50, description="A metric; several make several charts"),
    ]
    run: Annotated[
        list[Annotated[int, Field(ge=1, lt=INT64), Digits]],
        Field(max_length=50, description="A run to draw beside the one in the path"),
    ] = []  # noqa: RUF012 - pydantic copies it
    points: Annotated[int, Field(ge=1, le=10000), Digits] = 1000
    x: Literal["step", "time", "relative"] = "step"
    min: Bound = None
    max: Bound = None
    also: Annotated[
        list[Literal["counts", "steps", "times"]],
        Field(max_length=3, description="What a bucket of a frame has besides"),
    ] = []  # noqa: RUF012

    @model_validator(mode="after")
    def _bounded(self) -> ChartQuery:
        if (len(self.run) + 1) * len(self.name) * self.points > MOST_BUCKETS:
            raise ValueError(f"names times runs times points must be at most {MOST_BUCKETS}")
        return self

    def window(self) -> dict[str, Any]:
        """What the store is asked: times in microseconds."""
        scale = 1 if self.x == "step" else 1_000_000
        lo, hi = (None if bound is None else bound * scale for bound in (self.min, self.max))
        return {"points": self.points, "x": self.x, "lo": lo, "hi": hi}


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
