"""Bodies that are sent to the API, by shape; those of points and lines are in `batches.py`. What a value means is checked in the
services."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, RootModel

from ..errors import Invalid
from ..models.run import COLOURS
from ..services import alerts, marks, run_facts, validation
from .fields import INT64, LINE, NAME, PLAIN, PROSE, Config, Id, Input, Status, Step, Tags, Time


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
