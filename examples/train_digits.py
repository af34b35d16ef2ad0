"""Train five small models on scikit-learn's handwritten digits, and watch them learn.

    export AI_MANAGER_API_KEY=aimgr_...     (from the server's settings page)
    python examples/train_digits.py         (about two minutes; --quick takes a few seconds)

The models are plain numpy, so nothing here is specific to a framework. What talks to AI Manager is in `train`.
"""

from __future__ import annotations

import argparse
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
from ai_manager import AIManager
from sklearn.datasets import load_digits

STEPS = 2400


@dataclass
class Experiment:
    """One run: what is trained and how. All but name and tags becomes the run's config."""

    name: str
    tags: list[str]
    hidden: tuple[int, ...]
    optimizer: str
    learning_rate: float
    schedule: str = "constant"
    momentum: float = 0.9
    weight_decay: float = 1e-4
    batch_size: int = 32
    seed: int = 0


EXPERIMENTS = [
    Experiment("softmax regression", ["baseline", "linear"], (), "sgd", 0.02, momentum=0.0),
    Experiment("mlp 64, momentum", ["mlp", "sgd"], (64,), "sgd", 0.01, seed=1),
    Experiment("mlp 128-64, adam", ["mlp", "adam"], (128, 64), "adam", 5e-4, "cosine", seed=2),
    Experiment("mlp 128-64, warm restarts", ["mlp", "adam", "restarts"], (128, 64), "adam", 2e-3, "restarts", seed=3),
    Experiment("learning-rate range test", ["mlp", "search"], (64,), "sgd", 1e-4, "growing", seed=4),
]  # fmt: skip


def train(experiment: Experiment, manager: AIManager, seconds: float) -> None:
    """Train one model, logging each step as a run of the project."""
    about = asdict(experiment)
    name, tags = about.pop("name"), about.pop("tags")
    data, model = Digits(experiment), Network(experiment)
    optimizer = OPTIMIZERS[experiment.optimizer](experiment)
    smooth = best = math.log(10)  # The loss of guessing one of ten digits.
    with manager.run(name=name, tags=tags, config={**about, "parameters": model.size}) as run:
        for step, (images, labels) in zip(paced(STEPS, seconds), data.batches(), strict=False):
            rate = experiment.learning_rate * SCHEDULES[experiment.schedule](step / STEPS)
            loss, accuracy, gradients = model.learn(images, labels)
            optimizer.update(model.weights, gradients, rate)
            metrics = {
                "train/loss": loss,
                "train/accuracy": accuracy,
                "optim/lr": rate,
                "optim/grad_norm": math.sqrt(sum(float((part**2).sum()) for part in gradients)),
            }
            if step % 20 == 0 or step == STEPS - 1:
                metrics["val/loss"], metrics["val/accuracy"] = model.judge(*data.validation)
            run.log(metrics, step=step)
            smooth = 0.95 * smooth + 0.05 * loss
            best = min(best, smooth)
            if not smooth < 3 * best:
                raise Diverged(f"the loss left {best:.2f} for {smooth:.2f} at a learning rate of {rate:.2g}")


class Diverged(ArithmeticError):
    """Training left the road. Leaving the `with` block by an exception marks the run as failed."""


class Digits:
    """1,797 handwritten digits of 8 x 8 pixels: four fifths to train with, the rest to judge by."""

    def __init__(self, experiment: Experiment) -> None:
        pixels, labels = load_digits(return_X_y=True)
        images = pixels.reshape(-1, 8, 8) / 8.0 - 1.0
        order = np.random.default_rng(0).permutation(len(images))  # The same split for every model.
        cut = len(order) * 4 // 5
        self.training = images[order[:cut]], labels[order[:cut]]
        self.validation = images[order[cut:]].reshape(-1, 64), labels[order[cut:]]
        self.batch_size = experiment.batch_size
        self.random = np.random.default_rng(experiment.seed)

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Shuffled batches without end, each image moved by up to a pixel and with a little noise."""
        images, labels = self.training
        while True:
            order = self.random.permutation(len(images))
            for at in range(0, len(order) - self.batch_size + 1, self.batch_size):
                chosen = order[at : at + self.batch_size]
                moved = np.roll(images[chosen], self.random.integers(-1, 2, 2), axis=(1, 2))
                noisy = moved + self.random.normal(0, 0.3, moved.shape)
                yield noisy.reshape(-1, 64), labels[chosen]


class Network:
    """Layers of rectified units below a softmax; without hidden layers that is softmax regression."""

    def __init__(self, experiment: Experiment) -> None:
        random = np.random.default_rng(experiment.seed)
        sizes = [64, *experiment.hidden, 10]
        self.weights: list[np.ndarray] = []
        for before, after in pairwise(sizes):
            self.weights += [random.normal(0, math.sqrt(2 / before), (before, after)), np.zeros(after)]

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(part.size for part in self.weights)

    def forward(self, images: np.ndarray) -> list[np.ndarray]:
        """The input of each layer, and last the logarithm of each digit's probability."""
        layers = [images]
        for matrix, bias in zip(self.weights[:-2:2], self.weights[1:-2:2], strict=True):
            layers.append(np.maximum(layers[-1] @ matrix + bias, 0))
        logits = layers[-1] @ self.weights[-2] + self.weights[-1]
        logits = logits - logits.max(axis=1, keepdims=True)
        return [*layers, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))]

    def judge(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """The mean cross-entropy and the share of right answers."""
        chances = self.forward(images)[-1]
        return float(-chances[np.arange(len(labels)), labels].mean()), float((chances.argmax(1) == labels).mean())

    def learn(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, float, list[np.ndarray]]:
        """Loss and accuracy on a batch, and the gradient of the loss for each weight, by backpropagation."""
        *layers, chances = self.forward(images)
        rows = np.arange(len(labels))
        loss, accuracy = -chances[rows, labels].mean(), (chances.argmax(1) == labels).mean()
        error = np.exp(chances)
        error[rows, labels] -= 1
        error /= len(labels)
        gradients: list[np.ndarray] = []
        for layer, matrix in zip(reversed(layers), self.weights[-2::-2], strict=True):
            gradients = [layer.T @ error, error.sum(0), *gradients]
            error = (error @ matrix.T) * (layer > 0)
        return float(loss), float(accuracy), gradients


class Momentum:
    """Stochastic gradient descent; with a momentum of 0 the plain one."""

    def __init__(self, experiment: Experiment) -> None:
        self.momentum, self.decay = experiment.momentum, experiment.weight_decay
        self.speed: list[np.ndarray] = []

    def update(self, weights: list[np.ndarray], gradients: list[np.ndarray], rate: float) -> None:
        self.speed = self.speed or [np.zeros_like(weight) for weight in weights]
        for weight, gradient, speed in zip(weights, gradients, self.speed, strict=True):
            speed *= self.momentum
            speed += gradient + self.decay * weight
            weight -= rate * speed


class Adam:
    """Adam with decoupled weight decay."""

    def __init__(self, experiment: Experiment) -> None:
        self.decay = experiment.weight_decay
        self.mean: list[np.ndarray] = []
        self.square: list[np.ndarray] = []
        self.steps = 0

    def update(self, weights: list[np.ndarray], gradients: list[np.ndarray], rate: float) -> None:
        self.mean = self.mean or [np.zeros_like(weight) for weight in weights]
        self.square = self.square or [np.zeros_like(weight) for weight in weights]
        self.steps += 1
        for weight, gradient, mean, square in zip(weights, gradients, self.mean, self.square, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            ahead = (mean / (1 - 0.9**self.steps)) / (np.sqrt(square / (1 - 0.999**self.steps)) + 1e-8)
            weight -= rate * (ahead + self.decay * weight)


OPTIMIZERS: dict[str, Callable] = {"sgd": Momentum, "adam": Adam}

# What the learning rate is multiplied by when a part (0 to 1) of the training is over.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda part: 1.0,
    "cosine": lambda part: (1 + math.cos(math.pi * part)) / 2,
    "restarts": lambda part: (1 + math.cos(math.pi * (part * 4 % 1))) / 2,
    "growing": lambda part: 10 ** (5 * part),
}


interrupted = threading.Event()  # Ctrl-C reaches the main thread only; this tells the others.


def paced(steps: int, seconds: float) -> Iterator[int]:
    """Step numbers, spread over some time: models this small would otherwise be done before anybody looks."""
    start = time.monotonic()
    for step in range(steps):
        yield step
        if interrupted.wait(max(0.0, start + seconds * (step + 1) / steps - time.monotonic())):
            raise KeyboardInterrupt


def train_all(manager: AIManager, seconds: float) -> None:
    """Train all models side by side, each in a thread."""

    def attempt(experiment: Experiment) -> str:
        try:
            train(experiment, manager, seconds)
        except Diverged as error:
            return f"failed: {error}"
        return "completed"

    # Numbers that overflow are what the range test is looking for, no reason for a warning.
    with np.errstate(all="ignore"), ThreadPoolExecutor(len(EXPERIMENTS)) as pool:
        try:
            for experiment, outcome in zip(EXPERIMENTS, pool.map(attempt, EXPERIMENTS), strict=True):
                print(f"{experiment.name}: {outcome}", flush=True)
        except KeyboardInterrupt:
            interrupted.set()
            raise


def main() -> None:
    parser = argparse.ArgumentParser(description="Train small models on digits and log them to AI Manager.")
    parser.add_argument("--seconds", type=float, default=120, help="how long training takes (default: 120)")
    parser.add_argument("--quick", action="store_true", help="train as fast as the machine can")
    parser.add_argument("--project", default="Digits", help="the project's name (default: Digits)")
    options = parser.parse_args()
    manager = AIManager(project_name=options.project)
    manager.check()
    print(f"Watch it at {manager.url}", flush=True)
    train_all(manager, 0 if options.quick else options.seconds)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)  # As shells have it; the runs are marked as killed.
