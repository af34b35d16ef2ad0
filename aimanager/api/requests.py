"""What is sent to the API: bodies and query strings, by shape. What a value means is checked in the services."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    RootModel,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from ..errors import Invalid
from ..models.run import COLOURS
from ..services import alerts, console, marks, run_facts, validation
from ..wire.times import SECOND
from .fields import (
    ANY,
    INT64,
    LINE,
    NAME,
    PLAIN,
    PROSE,
    VALUE_IN_SCHEMA,
    Bound,
    Config,
    Digits,
    Id,
    Input,
    Numbers,
    Row,
    Seconds,
    Status,
    Step,
    Steps,
    Tags,
    Time,
    Value,
    frame_column,
)  # fmt: skip
from .log_lines import Entries, in_columns

MOST_OF_GROUP = 500  # Runs.
MOST_BUCKETS = 200_000  # In one answer, which is made in memory.


def _is_there(text: str) -> str:
    if not text:
        raise ValueError("is missing")
    return text


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)
    schema["readOnly"] = True
    schema["description"] = "Cannot be changed: taken with the value that it has"


# Of a whole resource that is put back. What such a field has is compared with what is stored, see `changes_of`.
ReadOnly: Any = Field(None, json_schema_extra=_without_default)


class Register(Input):
    email: Annotated[str, Field(max_length=validation.LONGEST_EMAIL, examples=["user@example.com"]), LINE]
    username: Annotated[str, Field(max_length=300, examples=["username"]), LINE]
    password: Annotated[str, Field(examples=["password"], repr=False), PLAIN]


class Login(Input):
    """`username` may be the email. What else a password form sends (`grant_type`, ...) is left alone."""

    model_config = ConfigDict(extra="ignore")

    username: Annotated[str, Field(examples=["your_username"]), AfterValidator(_is_there), PLAIN]
    password: Annotated[str, Field(examples=["your_password"], repr=False), AfterValidator(_is_there), PLAIN]


class Account(Input):
    """The present password goes with every change."""

    password: Annotated[str, Field(repr=False), PLAIN]
    email: Annotated[str, Field(max_length=validation.LONGEST_EMAIL), LINE] | None = None
    new_password: Annotated[Annotated[str, PLAIN] | None, Field(repr=False)] = None
    id: Id = ReadOnly
    username: Annotated[str, LINE] = ReadOnly
    is_active: bool = ReadOnly
    is_superuser: bool = ReadOnly
    created_at: Time = ReadOnly
    updated_at: Time = ReadOnly


class KeyIn(Input):
    name: Annotated[str, Field(min_length=1, max_length=validation.LONGEST_KEY_NAME, examples=["laptop"]), NAME]
    scope: Literal["read", "write"] = "write"
    expires_at: Time | None = None


class TicketIn(Input):
    run_id: Id


Title = Annotated[str, Field(min_length=1, max_length=validation.LONGEST_NAME), NAME]
Prose = Annotated[str, Field(max_length=validation.LONGEST_PROSE), PROSE]


class ProjectIn(Input):
    """With `exist_ok` a project of yours with this name is answered (200) instead of making another."""

    name: Annotated[Title, Field(examples=["My Project"])]
    description: Annotated[Prose | None, Field(examples=["A machine learning project"])] = ""
    is_public: bool = False
    exist_ok: bool = False


class ProjectChanges(Input):
    name: Title = ""
    description: Prose | None = ""
    is_public: bool = False
    id: Id = ReadOnly
    owner_id: Id = ReadOnly
    created_at: Time = ReadOnly
    updated_at: Time = ReadOnly


TotalSteps = Annotated[int, Field(ge=1, lt=INT64, examples=[5000], description="How many steps there will be")]
Colour = Annotated[
    int, Field(ge=0, lt=COLOURS, description="Of its lines: ten colours, then the same dashed; null for one by its id")
]
NoteText = Annotated[str, Field(min_length=1, max_length=marks.LONGEST_NOTE, examples=["A **spike**"]), PROSE]


class NoteIn(Input):
    """A note about a run, or one that is pinned to a point of a metric."""

    text: NoteText
    metric: (
        Annotated[str, Field(min_length=1, max_length=validation.LONGEST_METRIC, examples=["loss"]), NAME] | None
    ) = None
    step: Step | None = None
    time: Time | None = None


class NoteChanges(Input):
    text: NoteText


Client = Annotated[
    Annotated[str, Field(min_length=1, max_length=100), LINE] | None,
    Field(examples=["8f14e45f-ceea-467f-a9d6-3d3d3d3d3d3d"]),
]
Seq = Annotated[int | None, Field(ge=1, lt=INT64, examples=[1])]


class LogLine(Input):
    """A line of what a program wrote, or a part of one (`partial`), with which the next one of its stream and rank goes on."""

    stream: Literal["stdout", "stderr"]
    time: Seconds
    text: Annotated[str, Field(max_length=console.LONGEST_LINE, examples=["epoch 1: loss 0.52"]), ANY]
    rank: Annotated[int | None, Field(ge=0, lt=2**31, description="Which of a run's processes wrote it")] = None
    partial: bool = False


class LogsIn(Input):
    client: Client = None
    seq: Seq = None
    lines: Annotated[list[LogLine], Field(max_length=console.MOST_LINES), WrapValidator(in_columns)]

    @property
    def entries(self) -> Entries:
        """The lines as columns, which is what the check leaves of them."""
        return cast(Entries, self.lines)


class AlertIn(Input):
    """Something that a run wants to be looked at for."""

    title: Annotated[str, Field(min_length=1, max_length=alerts.LONGEST_TITLE, examples=["Loss is NaN"]), NAME]
    text: Annotated[str, Field(max_length=alerts.LONGEST_TEXT), PROSE] = ""
    level: Literal["info", "warning", "error"] = "info"
    step: Step | None = None
    time: Time | None = None


class RunIn(Input):
    """`key` is a name of one's own to resume the run by, unique in the project. With `resume` "allow" the run that has
    the key goes on, if there is one; with "must" there has to be one. "join" is for a process that only takes part in the run:
    one that is there stays as it is."""

    name: Annotated[Title | None, Field(examples=["Training Run 1"])] = None
    config: Config | None = None
    tags: Tags | None = None
    notes: Prose = ""
    total_steps: TotalSteps | None = None
    key: Annotated[
        Annotated[str, Field(min_length=1, max_length=validation.LONGEST_NAME), NAME] | None,
        Field(examples=["slurm-4711"]),
    ] = None
    resume: Literal["never", "allow", "must", "join"] = "never"


class Nothing(Input):
    """No field."""


class ForkIn(Input):
    """Up to which step the new run has the points of its parent; its own config, merged by key, and tags in place of the
    parent's."""

    step: Step
    name: Annotated[Title | None, Field(examples=["lower rate"])] = None
    config: Config | None = None
    tags: Tags | None = None


class RewindIn(Input):
    """The last step that stays."""

    step: Step


MetricName = Annotated[str, Field(min_length=1, max_length=validation.LONGEST_METRIC), NAME]


class DefinitionIn(Input):
    """Whether less or more of a metric is better, and the metric that it is drawn against where nobody chose an axis."""

    goal: Literal["min", "max"] | None = None
    x: Annotated[MetricName | None, Field(examples=["epoch"])] = None


class DefinitionsIn(RootModel[dict[str, DefinitionIn]]):
    """By the names of metrics."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"val/acc": {"goal": "max", "x": "epoch"}}]})


class Exit(Input):
    """How a run's script ended: its code or the signal that killed it, and the traceback of an error."""

    code: Annotated[int | None, Field(ge=-INT64, lt=INT64, examples=[1])] = None
    signal: Annotated[Annotated[str, Field(max_length=20), LINE] | None, Field(examples=["SIGTERM"])] = None
    error: Annotated[Annotated[str, PLAIN] | None, Field(max_length=run_facts.LONGEST_ERROR)] = None


class RunChanges(Input):
    name: Title = ""
    status: Status = "running"
    ended_at: Time | None = None
    config: Config = {}
    tags: Tags = []
    notes: Prose = ""
    total_steps: TotalSteps | None = None
    archived: Annotated[bool, Field(description="Left out of lists, unless they ask for archived runs")] = False
    colour: Colour | None = None
    config_update: Annotated[Config, Field(description="Merged into config by key")] = {}
    add_tags: Tags = []
    remove_tags: Tags = []
    summary: Annotated[
        dict[str, bool | int | float | Annotated[str, PLAIN] | None],
        Field(description="Merged by name; null takes a value away", examples=[{"test/acc": 0.93, "verdict": "keep"}]),
    ] = {}
    environment: Annotated[
        dict[str, JsonValue],
        Field(
            description="Where it runs, merged by key; read at /runs/{id}/environment",
            examples=[
                {"command": "train.py --lr 0.1", "python": "3.12.3", "git": {"commit": "8f14e45f", "branch": "main"}}
            ],
        ),
    ] = {}
    exit: Exit | None = None
    key: Annotated[str, NAME] | None = ReadOnly
    parent_id: Id | None = ReadOnly
    fork_step: Step | None = ReadOnly
    stop_requested_at: Time | None = ReadOnly
    id: Id = ReadOnly
    project_id: Id = ReadOnly
    started_at: Time = ReadOnly
    created_at: Time = ReadOnly
    updated_at: Time = ReadOnly


class MetricIn(Input):
    name: Annotated[str, Field(min_length=1, max_length=validation.LONGEST_METRIC, examples=["loss"]), NAME]
    value: Value
    step: Step | None = None
    timestamp: Time | None = None


class BatchIn(Input):
    metrics: Annotated[
        Row, Field(min_length=1, max_length=10000), WithJsonSchema({
            "type": "object", "minProperties": 1, "maxProperties": 10000, "additionalProperties": VALUE_IN_SCHEMA,
            "examples": [{"loss": 0.5, "accuracy": 0.85}],
        }),
    ]  # fmt: skip
    step: Step | None = None
    timestamp: Time | None = None


class SeriesIn(Input):
    """Parallel columns. Steps and timestamps (seconds since 1970) may be left out."""

    values: Annotated[
        Numbers, WithJsonSchema({"type": "array", "items": VALUE_IN_SCHEMA, "examples": [[0.5, 0.4, 0.3]]})
    ]
    steps: Annotated[Steps | None, Field(examples=[[1, 2, 3]])] = None
    timestamps: Annotated[list[Seconds] | None, Field(examples=[[1700000000.0, 1700000000.1, 1700000000.2]])] = None


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


class Paging(BaseModel):
    skip: Annotated[int, Field(ge=0, lt=INT64), Digits] = 0
    limit: Annotated[int, Field(ge=1, le=1000), Digits] = 100


class LogsQuery(BaseModel):
    after: Annotated[
        int, Field(gt=-INT64, lt=INT64, description="Only later lines; negative: the last so many"), Digits
    ] = 0
    before: Annotated[
        int | None,
        Field(ge=1, lt=INT64, description="The last lines before this one, in place of the first after one"),
        Digits,
    ] = None
    limit: Annotated[int, Field(ge=1, le=10_000), Digits] = 1000
    stream: Literal["stdout", "stderr"] | None = None
    rank: Annotated[int | None, Field(ge=0, lt=2**31), Digits] = None
    q: Annotated[str | None, Field(max_length=1000, description="Only lines with this text, in any case")] = None


class ProjectQuery(Paging):
    visibility: Literal["mine", "public"] = "mine"
    name: Annotated[str | None, Field(max_length=200)] = None


class RunQuery(Paging):
    """With any of `sort`, `order`, `filter`, `after` the list is of one project and pages by cursor."""

    limit: Annotated[int, Field(ge=1, le=5000), Digits] = 100
    summaries: Annotated[
        bool, Field(description="1: each run has the summaries of its metrics too; the answer is streamed")
    ] = False

    project_id: Annotated[int | None, Field(ge=1, lt=INT64), Digits] = None
    sort: Annotated[
        list[Annotated[str, Field(max_length=300)]],
        Field(
            max_length=8,
            description="Of several keys the first decides",
            examples=[["metrics.val/loss.min", "-config.lr"]],
        ),
    ] = []  # noqa: RUF012 - pydantic copies it
    order: Literal["asc", "desc"] | None = None
    filter: Annotated[str | None, Field(max_length=2000, examples=["val/acc > 0.9 and config.lr = 0.001 baseline"])] = (
        None
    )
    after: Annotated[str | None, Field(max_length=4000, description="X-Next-Cursor of the page before")] = None

    @property
    def by_cursor(self) -> bool:
        return bool(self.sort) or any(part is not None for part in (self.order, self.filter, self.after))


class RunPlace(BaseModel):
    project_id: Annotated[int, Field(ge=1, lt=INT64), Digits]


class PointQuery(BaseModel):
    metric_name: Annotated[str | None, Field(max_length=250)] = None
    skip: Annotated[int, Field(ge=0, lt=INT64), Digits] = 0
    limit: Annotated[int, Field(ge=1, le=100000), Digits] = 1000


class HistoryQuery(BaseModel):
    """Says what `Accept` says, where headers cannot be set."""

    format: Literal["json", "columns", "csv", "arrow"] | None = None


Names = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=validation.LONGEST_METRIC)]],
    Field(min_length=1, max_length=50, description="A metric; several make several charts"),
]


class ChartQuery(BaseModel):
    """`min` and `max` bound x, both included: steps, seconds since 1970, seconds since the run's first point, or values of
    the metric that is x."""

    name: Names
    run: Annotated[
        list[Annotated[int, Field(ge=1, lt=INT64), Digits]],
        Field(max_length=50, description="A run to draw beside the one in the path"),
    ] = []  # noqa: RUF012 - pydantic copies it
    points: Annotated[int, Field(ge=1, le=10000), Digits] = 1000
    x: Annotated[
        str,
        Field(
            pattern=rf"^(step|time|relative|metric:[^\x00]{{1,{validation.LONGEST_METRIC}}})$",
            description="step, time, relative, or metric:NAME",
        ),
    ] = "step"
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
        """Bounds as the store takes them: times in microseconds."""
        return _window(self)


class GroupQuery(BaseModel):
    """`min` and `max` bound x, both included, as those of a chart do."""

    runs: Annotated[
        str,
        Field(pattern=r"^[1-9]\d{0,17}(,[1-9]\d{0,17})*$", description="The runs of the group", examples=["1,2,3"]),
    ]
    name: Names
    points: Annotated[int, Field(ge=1, le=10000), Digits] = 1000
    x: Literal["step", "time", "relative"] = "step"
    min: Bound = None
    max: Bound = None

    @model_validator(mode="after")
    def _bounded(self) -> GroupQuery:
        if len(self.run_ids) > MOST_OF_GROUP:
            raise ValueError(f"runs must be at most {MOST_OF_GROUP}")
        if len(self.name) * self.points > MOST_BUCKETS:
            raise ValueError(f"names times points must be at most {MOST_BUCKETS}")
        return self

    @property
    def run_ids(self) -> list[int]:
        return list(dict.fromkeys(map(int, self.runs.split(","))))

    def window(self) -> dict[str, Any]:
        return _window(self)


def _window(query: ChartQuery | GroupQuery) -> dict[str, Any]:
    scale = SECOND if query.x in ("time", "relative") else 1
    lo, hi = (None if bound is None else bound * scale for bound in (query.min, query.max))
    return {"points": query.points, "x": query.x, "lo": lo, "hi": hi}


def changes_of(sent: Input, current: dict[str, Any]) -> dict[str, Any]:
    """The fields of a PUT that may be changed, of those that were sent. `current` is the resource as it is answered.

    Raises Invalid for each field that cannot be changed and was sent with another value than it has.
    """
    changes = sent.model_dump(exclude_unset=True)
    read_only = [name for name in changes if type(sent).model_fields[name].json_schema_extra is _without_default]
    errors = [
        {"loc": ["body", name], "msg": f"{name} cannot be changed", "type": "read_only"}
        for name in read_only
        if changes.pop(name) != current[name]
    ]
    if errors:
        raise Invalid(errors)
    return changes
