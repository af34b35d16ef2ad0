"""Bodies that a script sends while it runs: points and lines, many at once, each batch with its number."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field, WithJsonSchema, WrapValidator

from ..services import console, validation
from .fields import (
    ANY,
    INT64,
    LINE,
    NAME,
    VALUE_IN_SCHEMA,
    Input,
    Numbers,
    Row,
    Seconds,
    Step,
    Steps,
    Time,
    Value,
    frame_column,
)
from .log_lines import Entries, in_columns

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
