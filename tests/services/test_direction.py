from __future__ import annotations

import pytest

from aimanager.services.run_list.direction import better


@pytest.mark.parametrize(
    "name", ["loss", "val/loss", "valLoss", "train_loss", "error", "err", "val/error_rate", "accuracy/loss", "RMSE", "val.mae",
             "perplexity", "loss@1", "hinge_loss", "totalloss", "step_time", "WER", "sysload"]
)  # fmt: skip
def test_the_lowest_loss_or_error_is_the_best(name):
    assert better(name) == "min"


@pytest.mark.parametrize(
    "name", ["acc", "val/accuracy", "valAcc", "top5_acc", "score", "f1", "val/F1", "macro-f1", "loss/accuracy", "AUC", "reward",
             "mean_return", "mAP", "mAP50", "BLEU", "r2", "top1", "test/IoU"]
)  # fmt: skip
def test_the_highest_score_is_the_best(name):
    assert better(name) == "max"
