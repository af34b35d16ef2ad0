"""The few lines that a training script needs, with this server's address and the project's name in them."""

from __future__ import annotations

from flask import request

from ..extensions import settings


def address() -> str:
    """Where this server is reached from outside: as configured, or as the browser has just reached it."""
    return (settings.public_url or request.host_url).rstrip("/")


def quoted(text: str) -> str:
    """Text as Python writes it in a program, in double quotes where that needs no change."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if "'" not in text and '"' not in text else literal


def lines(project_name: str, api_key: str | None) -> str:
    """Python that logs a falling loss, ready to run, whatever the project's name is made of."""
    key = quoted(api_key) if api_key else 'os.environ["AI_MANAGER_API_KEY"]'
    head = "" if api_key else "import os\n"
    return f"""{head}import random
import time

from ai_manager import AIManager

manager = AIManager(
    project_name={quoted(project_name)},
    api_url={quoted(address())},
    api_key={key},
)

with manager.run(name="first run", config={{"lr": 0.1}}) as run:
    for step in range(300):
        loss = 0.97 ** (step / 3) + random.random() / 10
        run.log({{"train/loss": loss, "train/accuracy": 1 - loss / 2}}, step=step)
        time.sleep(0.1)
"""
