"""Trains small models in many ways and records what they log, as it comes: `curves.npz` beside this file.

Run it in an environment of its own, as nothing else here needs these packages:
`pip install jax optax scikit-learn && python record.py` (about two minutes). What is recorded differs a little from
machine to machine, in times and in the last bits of values; the tests hold for any recording.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss

BATCH = 64
columns: dict[str, list[float]] = defaultdict(list)


def log(run: str, group: str, step: int, **metrics: Any) -> None:
    """What a training script does with each step. Metrics of one group always come together."""
    columns[f"{run}|{group}|step"].append(step)
    columns[f"{run}|{group}|time"].append(time.time_ns() // 1000)
    for name, value in metrics.items():
        columns[f"{run}|{group}|{name.replace('_', '/', 1)}"].append(float(value))


pixels, labels = load_digits(return_X_y=True)
order = np.random.default_rng(0).permutation(len(labels))
images, labels = (pixels[order] / 8 - 1).astype(np.float32), labels[order]
TRAIN, TEST = slice(0, 1440), slice(1440, None)


def batches(seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    while True:
        chosen = rng.integers(0, 1440, BATCH)
        yield images[chosen] + rng.normal(0, 0.3, (BATCH, 64)).astype(np.float32), labels[chosen]


def weights(seed: int, *shapes: tuple[int, ...]) -> list[jax.Array]:
    keys = jax.random.split(jax.random.key(seed), len(shapes))
    return [
        jax.random.normal(key, shape) * (2 / np.prod(shape[:-1])) ** 0.5
        for key, shape in zip(keys, shapes, strict=True)
    ]


def perceptron(parts: list[jax.Array], x: jax.Array) -> jax.Array:
    for part in parts[:-1]:
        x = jax.nn.relu(x @ part)
    return x @ parts[-1]


def convolutional(parts: list[jax.Array], x: jax.Array) -> jax.Array:
    x = x.reshape(-1, 8, 8, 1)
    for part in parts[:-1]:
        x = jax.lax.conv_general_dilated(x, part, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x)
    return x.reshape(len(x), -1) @ parts[-1]


def attention(parts: list[jax.Array], x: jax.Array) -> jax.Array:
    """One head over the eight rows of a picture."""
    embed, place, query, key, value, out = parts
    x = x.reshape(-1, 8, 8) @ embed + place
    scores = jax.nn.softmax((x @ query) @ (x @ key).swapaxes(1, 2) / 8, axis=-1)
    return (x + scores @ (x @ value)).mean(1) @ out


def train(
    run: str,
    model: Callable[[list[jax.Array], jax.Array], jax.Array],
    parts: list[jax.Array],
    optimizer: optax.GradientTransformation,
    steps: int,
    schedule: Callable[[int], Any] = lambda step: 1.0,
    compute: Any = jnp.float32,
    scale: float = 0.0,
    judge_every: int = 0,
) -> None:
    """Train in `compute` precision with weights in float32; with a `scale` the loss is scaled by as much as fits."""

    def lossy(parts: list[jax.Array], x: jax.Array, y: jax.Array, scale: jax.Array) -> tuple[jax.Array, tuple]:
        logits = model([part.astype(compute) for part in parts], x.astype(compute))
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
        return loss.astype(compute) * scale.astype(compute), (loss, (logits.argmax(1) == y).mean())

    @jax.jit
    def learn(parts: list[jax.Array], state: Any, x: jax.Array, y: jax.Array, rate: float, scale: jax.Array) -> tuple:
        (_, told), gradients = jax.value_and_grad(lossy, has_aux=True)(parts, x, y, scale)
        gradients = [gradient.astype(jnp.float32) / scale for gradient in gradients]
        norm = optax.global_norm(gradients)
        updates, new = optimizer.update(gradients, state, parts)
        moved = [part + rate * update for part, update in zip(parts, updates, strict=True)]
        return moved, new, *told, norm

    state, good = optimizer.init(parts), 0
    for step, (x, y) in zip(range(steps), batches(len(run)), strict=False):
        rate = float(schedule(step))
        moved, new, loss, accuracy, norm = learn(parts, state, x, y, rate, np.float32(scale or 1))
        metrics = {"train_loss": loss, "train_accuracy": accuracy, "optim_lr": rate, "optim_grad_norm": norm}
        if not scale:
            parts, state = moved, new
        else:
            metrics["optim_scale"] = scale
            good = good + 1 if np.isfinite(norm) else 0
            if good:
                parts, state = moved, new
            scale = scale / 2 if not good else scale * 2 if good % 100 == 0 else scale
        log(run, "train", step, **metrics)
        if judge_every and step % judge_every == judge_every - 1:
            logits = model(parts, images[TEST])
            right = (logits.argmax(1) == labels[TEST]).mean()
            entropy = optax.softmax_cross_entropy_with_integer_labels(logits, labels[TEST]).mean()
            log(run, "eval", step, val_loss=entropy, val_accuracy=right)


def by_scikit_learn(run: str, epochs: int) -> None:
    """Logistic regression, pass by pass, in float64."""
    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    model = SGDClassifier(loss="log_loss", alpha=1e-4, learning_rate="adaptive", eta0=0.01, random_state=0)
    for epoch in range(epochs):
        model.partial_fit(x[:400], y[:400], classes=[0, 1])
        told = [log_loss(y[part], model.predict_proba(x[part])) for part in (slice(400), slice(400, None))]
        log(run, "epoch", epoch, train_loss=told[0], val_loss=told[1], weights_norm=np.linalg.norm(model.coef_))


def main() -> None:
    dense, cosine = [(64, 128), (128, 64), (64, 10)], optax.cosine_decay_schedule
    momentum = optax.sgd(1.0, momentum=0.9)
    train("perceptron, SGD", perceptron, weights(1, *dense), momentum, 8500, cosine(0.05, 8500), judge_every=250)
    filters = [(3, 3, 1, 16), (3, 3, 16, 32), (128, 10)]
    train(
        "convolutional, AdamW, bfloat16",
        *(convolutional, weights(2, *filters), optax.adamw(1.0), 3000, cosine(2e-3, 3000), jnp.bfloat16),
        judge_every=100,
    )
    train(
        "convolutional, Adam, float16",
        *(convolutional, weights(3, *filters), optax.adam(1.0), 2000, lambda step: 1e-3, jnp.float16, 2.0**15),
        judge_every=100,
    )
    heads = weights(4, (8, 32), (8, 32), (32, 32), (32, 32), (32, 32), (32, 10))
    warm = optax.warmup_cosine_decay_schedule(0, 1e-3, 200, 2000)
    train("attention, Lion", attention, heads, optax.lion(1.0), 2000, warm, judge_every=200)
    train("attention, diverging", attention, heads, optax.sgd(1.0), 600, lambda step: 1.03**step * 1e-2)
    for rate in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        train(
            f"sweep, Adam, lr {rate:g}",
            perceptron,
            weights(6, *dense),
            optax.adam(1.0),
            300,
            lambda step, rate=rate: rate,
        )
    by_scikit_learn("logistic regression, float64", 1500)

    arrays = {}
    for name, column in columns.items():
        if name.endswith(("|step", "|time")):
            arrays[name] = np.diff(np.array(column, np.int64), prepend=0)  # Packs better so.
        else:
            values = np.array(column)
            with np.errstate(over="ignore"):
                narrow = values.astype(np.float32)
            arrays[name] = narrow if np.array_equal(narrow, values, equal_nan=True) else values
    np.savez_compressed(Path(__file__).parent / "curves.npz", **arrays)


if __name__ == "__main__":
    main()
