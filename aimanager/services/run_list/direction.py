"""Which way a metric gets better: what the scripts of its project have said, else the lowest loss and the highest accuracy.

What was said is that of the project which the request at hand is about: `within` notes it, and it is read when somebody asks.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from functools import cache
from typing import Literal

import sqlalchemy as sa

from ...extensions import db
from ...models import MetricDefinition
from ...query.tree import Of
from ...store.shapes import Statistic

# The words of which a name is made.
_LOWER = re.compile(
    r"loss|error|err|cost|nll|perplexity|ppl|bpc|bpb|mse|rmse|mae|mape|rmsle|wer|cer|eer|fid|kid|lpips|ece|brier|regret"
    r"|distance|divergence|kl|time|duration|latency|seconds|ms|misses|fpr|fnr|overfit"
)
_HIGHER = re.compile(
    r"acc|accuracy|score|reward|return|returns|f\d|fbeta|auc|auroc|auprc|roc|ap\d*|map\d*|precision|recall|sensitivity|specificity"
    r"|iou|miou|dice|jaccard|bleu|rouge|meteor|cider|psnr|ssim|r2|correlation|corr|mcc|kappa|top\d+|hits|ndcg|mrr|pass"
    r"|success|throughput|win|wins|elo|likelihood|elbo|tpr|tnr"
)
# `valLoss` as two words, and `IoU` as one.
_WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*")
_TOGETHER = re.compile(r"[A-Za-z]+\d*")


Goal = Literal["min", "max"]
_project: ContextVar[int | None] = ContextVar("project", default=None)
_goals: ContextVar[dict[str, Goal] | None] = ContextVar("goals", default=None)


def within(project_id: int | None) -> None:
    """From here on this request is about a project, or about none."""
    if _project.get() != project_id:
        _project.set(project_id)
        _goals.set(None)


def better(name: str) -> Literal["min", "max"]:
    """What is the best of a metric, its lowest or its highest value."""
    project_id, goals = _project.get(), _goals.get()
    if project_id is None:
        return guessed(name)
    if goals is None:
        goals = _goals_of(project_id)
        _goals.set(goals)
    return goals.get(name) or guessed(name)


def _goals_of(project_id: int) -> dict[str, Goal]:
    d = MetricDefinition
    rows = db.session.execute(sa.select(d.metric, d.goal).where(d.project_id == project_id))
    return {metric: "max" if goal == "max" else "min" for metric, goal in rows if goal}


@cache
def guessed(name: str) -> Literal["min", "max"]:
    """`min` for losses and errors, `max` for scores, by the last part of the name that says it; `min` where none does.

    `val/loss` and `valLoss` are losses; `loss/accuracy` is an accuracy.
    """
    for part in reversed(name.split("/")):
        words = [word.lower() for word in _TOGETHER.findall(part) + _WORD.findall(part)]
        if any(map(_LOWER.fullmatch, words)) or any(word.endswith(("loss", "error")) for word in words):
            return "min"
        if any(map(_HIGHER.fullmatch, words)) or any(word.endswith(("acc", "score")) for word in words):
            return "max"
    return "min"


def statistic(name: str, of: Of) -> Statistic:
    """The value of a metric that is meant: its best one is the lowest or the highest."""
    return better(name) if of == "best" else of
