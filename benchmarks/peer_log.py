"""What a line of logging costs with another tracker, or with ours; run by the Python in which it is installed.

`python peer_log.py ours|trackio|tensorboard|wandb calls folder` prints the microseconds of each call, as JSON. Nobody listens:
ours writes its spool, the others what they write.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

VALUES = ("train/loss", "train/accuracy", "lr")


def ours(folder: str) -> Callable[[int], None]:
    os.environ["AI_MANAGER_SPOOL_DIR"] = folder
    from ai_manager import AIManager

    run = AIManager("bench", mode="offline").run(capture="none")
    return lambda step: run.log(dict.fromkeys(VALUES, 1 / (step + 1)), step=step)


def trackio(folder: str) -> Callable[[int], None]:
    os.environ["TRACKIO_DIR"] = folder
    import trackio

    trackio.init(project="bench", name="bench")
    return lambda step: trackio.log(dict.fromkeys(VALUES, 1 / (step + 1)), step=step)


def tensorboard(folder: str) -> Callable[[int], None]:
    """Its writer as torch.utils.tensorboard uses it: an event for each value, written by a thread."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(folder)

    def log(step: int) -> None:
        for name in VALUES:
            summary = Summary(value=[Summary.Value(tag=name, simple_value=1 / (step + 1))])
            writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))

    return log


def wandb(folder: str) -> Callable[[int], None]:
    """Weights & Biases offline, without what it captures besides, as ours is measured too."""
    os.environ |= {"WANDB_MODE": "offline", "WANDB_DIR": folder, "WANDB_CONSOLE": "off", "WANDB_DISABLE_GIT": "true"}
    os.environ |= {"WANDB__DISABLE_STATS": "true", "WANDB_SILENT": "true"}
    import wandb

    run = wandb.init(project="bench")
    return lambda step: run.log(dict.fromkeys(VALUES, 1 / (step + 1)), step=step)


TRACKERS = {"ours": ours, "trackio": trackio, "tensorboard": tensorboard, "wandb": wandb}


def main() -> None:
    log = TRACKERS[sys.argv[1]](sys.argv[3])
    spent = []
    for step in range(int(sys.argv[2])):
        began = time.perf_counter_ns()
        log(step)
        spent.append((time.perf_counter_ns() - began) / 1000)
    print(json.dumps(spent), flush=True)
    os._exit(0)  # How they end is not what is measured.


if __name__ == "__main__":
    main()
