"""What trainings look like: their configs, names and tags, and curves that follow from the config.

A run learns faster the nearer its learning rate is to the model's best one; far above it the loss diverges. Seeds differ
by noise only, so that grouping runs by their other settings shows something.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..store.shapes import Floats

LEARNING_RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
# Of each model: the loss at which it ends up, and its best learning rate.
MODELS = {"resnet18": (0.42, 0.003), "resnet50": (0.33, 0.001), "vit-small": (0.38, 0.0003), "mlp": (0.71, 0.003)}
OPTIMIZERS = {"adamw": 0.0, "adam": 0.02, "sgd": 0.06}
MAIN_METRICS = ("train/loss", "val/loss", "val/accuracy", "train/accuracy", "lr", "grad_norm")
SYSTEM_METRICS = {"system/gpu_utilization": 92.0, "system/gpu_memory_gb": 18.0, "system/cpu_percent": 41.0}


@dataclass(frozen=True)
class Training:
    """One run before it is written. `loss` is the one at which it ends, `speed` the part of the run in which it learns."""

    name: str
    tags: list[str]
    config: dict[str, Any]
    status: str
    loss: float
    speed: float
    diverges: bool


def training(number: int, rng: np.random.Generator) -> Training:
    """The run of this number: three seeds in a row share all other settings."""
    settings = np.random.default_rng([7, number // 3])
    model = str(settings.choice(list(MODELS)))
    optimizer = str(settings.choice(list(OPTIMIZERS)))
    rate = float(settings.choice(LEARNING_RATES))
    dropout = float(settings.choice([0.0, 0.1, 0.3]))
    loss, best_rate = MODELS[model]
    distance = abs(np.log10(rate / best_rate))
    diverges = rate / best_rate > 20
    config = {
        "model": {"name": model, "dropout": dropout},
        "optimizer": {"name": optimizer, "lr": rate, "weight_decay": float(settings.choice([0.0, 0.01, 0.1]))},
        "data": {"name": "imagenet-100", "augment": bool(settings.random() < 0.6), "batch_size": int(settings.choice([64, 128, 256]))},
        "epochs": 30,
        "seed": number % 3,
    }  # fmt: skip
    tags = [
        tag for tag, chance in (("baseline", 0.06), ("sweep", 0.4), ("ablation", 0.15)) if settings.random() < chance
    ]
    status = str(rng.choice(["completed", "failed", "killed"], p=[0.9, 0.06, 0.04]))
    end = loss + 0.12 * distance + OPTIMIZERS[optimizer] + 0.1 * abs(dropout - 0.1) + 0.01 * rng.standard_normal()
    return Training(
        f"{model}-{optimizer}-{number}",
        tags,
        config,
        "failed" if diverges else status,
        end,
        0.08 + 0.06 * distance,
        diverges,
    )


def metric_names(count: int) -> list[str]:
    """The first names of a list without end: what every training logs, its machine, then its layers."""
    names = [*MAIN_METRICS, *SYSTEM_METRICS]
    layer = 0
    while len(names) < count:
        names += [f"layers/{layer}/{what}" for what in ("weight_norm", "grad_norm", "activation_mean")]
        layer += 1
    return names[:count]


def curves(of: Training, names: list[str], points: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Each metric's values, at as many equal steps."""
    part = np.linspace(0, 1, points)
    learned = 1 - np.exp(-part / of.speed)
    noise = rng.standard_normal((len(names), points)) * 0.03
    loss = 4.6 - (4.6 - of.loss) * learned
    if of.diverges:
        loss = loss + np.maximum(0, part - 0.3) ** 2 * 40
    values: dict[str, Floats] = {}
    for row, name in enumerate(names):
        values[name] = _curve(name, part, loss, learned, noise[row])
    if points > 20:
        _spoil(of, values, points, rng)
    return values


def _curve(name: str, part: Floats, loss: Floats, learned: Floats, noise: Floats) -> Floats:
    if name.endswith("loss"):
        gap = 0.12 * part**2 if name.startswith("val") else 0.0
        return loss * (1 + noise * (0.5 if name.startswith("val") else 1.0)) + gap
    if name.endswith("accuracy"):
        return np.clip(np.exp(-loss / 2) * (1 + noise / 3), 0, 1)
    if name == "lr":
        return np.minimum(part / 0.05, 0.5 * (1 + np.cos(np.pi * part)))
    if name.startswith("system/"):
        return SYSTEM_METRICS[name] * (1 + noise)
    return np.exp(noise * 8) * (1.5 - learned)


def _spoil(of: Training, values: dict[str, Floats], points: int, rng: np.random.Generator) -> None:
    """A spike in one run of four, as a bad batch makes it; NaN at the end of one that diverges."""
    place = int(rng.integers(points // 4, points))
    if rng.random() < 0.25:
        for name in ("train/loss", "grad_norm"):
            if name in values:
                values[name][place] *= 6
    if of.diverges:
        for name in ("train/loss", "val/loss", "grad_norm"):
            if name in values:
                values[name][-max(1, points // 12) :] = np.nan
