"""Which way a metric gets better: the lowest loss is the best, and the highest accuracy."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

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


@cache
def better(name: str) -> Literal["min", "max"]:
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
