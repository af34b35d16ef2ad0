"""Query strings of the API, by shape: which part of a list, and what is drawn."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from ..services import validation
from ..wire.times import SECOND
from .fields import INT64, Bound, Digits

MOST_OF_GROUP = 500  # Runs.
MOST_BUCKETS = 200_000  # In one answer, which is made in memory.


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
