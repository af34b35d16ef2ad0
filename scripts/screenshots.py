"""Take the pictures of docs/screenshots: every page of a believable project, on a desk and on a phone, light and dark.

    make screenshots        (or: python scripts/screenshots.py home project --folder /tmp/pictures)

It starts a server of its own on a free port, with data of its own, and removes both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import urllib3  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from tests.conftest import CHROMIUM_FLAGS  # noqa: E402
from tests.servers import Gunicorn, find_program  # noqa: E402

SIZES = {"desk": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
RUNS = 200
NAME, PASSWORD = "ada", "a long password"  # noqa: S105  Of a server that ends with this script.


@dataclass(frozen=True)
class Shot:
    """A page by its address; `ready` is what is there when it has been drawn."""

    path: str
    ready: str = "main"
    signed_in: bool = True


http = urllib3.PoolManager()
DRAWN = "#charts .chart .surface"


def shots(project: int, empty: int, newest: int) -> dict[str, Shot]:
    """Every page, by the name of its picture."""
    runs = ",".join(str(newest - number) for number in range(8))
    return {
        "login": Shot("/login", signed_in=False),
        "home": Shot("/"),
        "workspace": Shot(f"/app/projects/{project}", DRAWN),
        "workspace-table": Shot(f"/app/projects/{project}?layout=table", "#runs tbody tr"),
        "workspace-groups": Shot(f"/app/projects/{project}?group=config.optimizer.lr", DRAWN),
        "workspace-empty": Shot(f"/app/projects/{empty}"),
        "run": Shot(f"/app/runs/{newest}", DRAWN),
        "run-overview": Shot(f"/app/runs/{newest}?tab=overview"),
        "run-failed": Shot(f"/app/runs/{newest - 1}?tab=overview"),
        "run-logs": Shot(f"/app/runs/{newest - 1}?tab=logs", ".log-line"),
        "compare": Shot(f"/app/compare?runs={runs}", DRAWN),
        "project-settings": Shot(f"/app/projects/{project}/settings"),
        "settings": Shot("/settings"),
        "docs": Shot("/docs"),
        "not-found": Shot("/app/runs/999999"),
    }


class Site:
    """A server with an account, a project of finished runs, one run that goes on, and an empty project."""

    def __init__(self) -> None:
        self.server = Gunicorn(rate_limits="", page_limits="", ingest_limits="", durability="fast")
        self.token = ""
        self.send("/auth/register", {"email": "ada@example.com", "username": NAME, "password": PASSWORD})
        self.token = self.send("/auth/login", {"username": NAME, "password": PASSWORD})["access_token"]
        env = os.environ | {"AI_MANAGER_DATA_DIR": str(self.server.data_dir), "AI_MANAGER_DURABILITY": "fast"}
        seed = [str(Path(sys.executable).with_name("aimanager")), "seed", "--runs", str(RUNS), "--user", NAME]
        subprocess.run(seed, env=env, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.project, self.empty = 1, self.send("/projects/", {"name": "Speech to text"})["id"]
        self.newest = self.live_run()

    def live_run(self) -> int:
        config = {
            "model": {"name": "vit-small", "dropout": 0.1},
            "optimizer": {"name": "adamw", "lr": 0.0003},
            "seed": 1,
        }
        body = {"name": "vit-small-adamw-long", "config": config, "tags": ["baseline", "sweep"]}
        body["notes"] = (
            "Longer schedule, **warm restart** at step 300.\n\n- compare with `resnet50`\n- watch `val/loss`"
        )
        run = self.send(f"/runs/?project_id={self.project}", body)["id"]
        steps, rng = np.arange(700), np.random.default_rng(1)
        loss = 4.2 * np.exp(-steps / 160) + 0.4 + 0.05 * rng.standard_normal(700)
        loss[431] = 3.6
        columns = {
            "train/loss": loss, "val/loss": loss + 0.05 + steps / 9000, "val/accuracy": np.exp(-loss / 2),
            "train/accuracy": np.exp(-loss / 2.2), "lr": 0.0003 * (1 + np.cos(steps / 223)) / 2,
            "grad_norm": np.exp(0.3 * rng.standard_normal(700)), "system/gpu_utilization": 91 + 3 * rng.standard_normal(700),
        }  # fmt: skip
        self.send(
            f"/metrics/{run}/bulk", {"series": {name: {"values": each.tolist()} for name, each in columns.items()}}
        )
        return run

    def send(self, path: str, body: dict) -> dict:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        answer = http.request("POST", self.server.url + path, body=json.dumps(body), headers=headers)
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {answer.data[:300]!r}")
        return json.loads(answer.data or "null")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take pictures of the pages.")
    parser.add_argument("names", nargs="*", help="of the pictures; all without any")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--themes", nargs="+", choices=THEMES, default=list(THEMES))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    site = Site()
    try:
        wanted = {
            name: shot
            for name, shot in shots(site.project, site.empty, site.newest).items()
            if name in (options.names or [name])
        }
        with sync_playwright() as playwright:
            program = find_program("chromium", "chromium")
            browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
            for size in options.sizes:
                for theme in options.themes:
                    page = window(browser, site, SIZES[size], theme)
                    take(page, site, wanted, options.folder, f"{size}-{theme}")
                    page.context.close()
            browser.close()
    finally:
        site.server.close()


def window(browser: Browser, site: Site, size: tuple[int, int], theme: str) -> Page:
    """A window whose session is Ada's."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(site.server.url + "/login")
    page.get_by_label("Username or email").fill(NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def take(page: Page, site: Site, wanted: dict[str, Shot], folder: Path, kind: str) -> None:
    session = page.context.storage_state()["cookies"]
    for name, shot in wanted.items():
        if not shot.signed_in:
            page.context.clear_cookies()
        page.goto(site.server.url + shot.path)
        try:
            page.wait_for_selector(shot.ready, timeout=15_000, state="attached")
        except Exception as error:
            print(f"{name}: {error}", file=sys.stderr)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}-{kind}.png")
        if not shot.signed_in:
            page.context.add_cookies(session)


if __name__ == "__main__":
    main()
