"""What the documents show is run as it stands, against a real server; only the address is another."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
README, API = (ROOT / "README.md").read_text(), (ROOT / "docs" / "api.md").read_text()
DEPLOY = (ROOT / "docs" / "deploy.md").read_text()

# The contract's own workflow and example, to the letter.
WORKFLOW = r"""
curl -X POST "http://localhost:8000/projects/" \
  -H "Authorization: Bearer <token>" \
  -H "Content-Type: application/json" \
  -d '{"name": "My ML Project", "description": "Image classification"}'
===
curl -X POST "http://localhost:8000/runs/?project_id=1" \
  -H "Authorization: Bearer <token>" \
  -H "Content-Type: application/json" \
  -d '{"name": "ResNet Training", "config": {"lr": 0.001}}'
===
curl -X POST "http://localhost:8000/metrics/1/batch" \
  -H "Authorization: Bearer <token>" \
  -H "Content-Type: application/json" \
  -d '{"metrics": {"loss": 0.5, "accuracy": 0.85}, "step": 1}'
===
curl -X PUT "http://localhost:8000/runs/1" \
  -H "Authorization: Bearer <token>" \
  -H "Content-Type: application/json" \
  -d '{"status": "completed"}'
"""

EXAMPLE = """
from ai_manager import AIManager

# Initialize client
manager = AIManager(
    project_name="my_project",
    api_url="http://localhost:8000",
    username="user",
    password="pass"
)

# Start training run
with manager.run(name="training_run") as run:
    for epoch in range(100):
        # Log metrics
        run.log({
            "loss": 0.5,
            "accuracy": 0.85
        }, step=epoch)
"""


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document, re.DOTALL)


@pytest.fixture
def server(gunicorn_server):
    return gunicorn_server()


def shell(server, script: str, **environment: str) -> str:
    here = script.replace("http://localhost:8000", server.url)
    done = subprocess.run(
        ["bash", "-euc", here], capture_output=True, text=True, timeout=60, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(server, script: str) -> str:
    here = script.replace("http://localhost:8000", server.url)
    done = subprocess.run([sys.executable, "-c", here], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def call(server, method: str, path: str, token: str | None = None, **body):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(server.url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


@pytest.fixture
def token(server) -> str:
    account = {"username": "user", "password": "pass"}
    call(server, "POST", "/auth/register", email="user@example.com", **account)
    return call(server, "POST", "/auth/login", **account)["access_token"]


def test_the_contracts_workflow_runs_to_the_letter(server, token):
    answers = [json.loads(shell(server, command.replace("<token>", token))) for command in WORKFLOW.split("===")]
    project, run, logged, ended = answers
    assert (project["id"], run["project_id"], run["config"]) == (1, 1, {"lr": 0.001})
    assert logged == {"message": "Logged 2 metrics successfully"}
    assert ended["status"] == "completed"


def points_of(server, token: str, name: str) -> int:
    (run,) = [run for run in call(server, "GET", "/runs/", token) if run["name"] == name]
    assert run["status"] == "completed"
    return sum(row["total_points"] for row in call(server, "GET", f"/metrics/{run['id']}/summary", token))


def test_the_contracts_python_example_runs_to_the_letter(server, token):
    python(server, EXAMPLE)
    assert points_of(server, token, "training_run") == 200


def test_the_snippets_of_the_readme_run(server, token):
    (snippet,) = blocks(README, "python")
    python(server, snippet)
    assert points_of(server, token, "training_run") == 200
    (curl,) = [block for block in blocks(README, "bash") if "curl" in block]
    assert json.loads(shell(server, curl, AI_MANAGER_API_KEY=token))["message"] == "Logged 2 metrics successfully"


def test_the_snippets_of_the_api_page_run(server, token):
    login, best = blocks(API, "bash")
    call(server, "POST", "/auth/register", email="y@example.com", username="your_username", password="your_password")
    assert json.loads(shell(server, login))["token_type"] == "bearer"
    call(server, "POST", "/projects/", token, name="p")
    call(server, "POST", "/runs/?project_id=1", token, name="r")
    bulk, logs, watch = blocks(API, "json")
    assert json.loads(watch)["type"] == "watch"
    assert call(server, "POST", "/metrics/1/bulk", token, **json.loads(bulk))["last_id"] == 3
    assert call(server, "POST", "/runs/1/logs", token, **json.loads(logs))["last_line"] == 2
    (frame,) = blocks(API, "python")
    assert python(server, frame.replace("<token>", token)) == "Logged 2000 metrics successfully\n"
    summary = {row["name"]: row for row in call(server, "GET", "/metrics/1/summary", token)}
    assert (summary["train/loss"]["current_value"], summary["lr"]["total_points"]) == (0.001, 1000)
    call(server, "POST", "/metrics/1", token, name="val/acc", value=0.95)
    assert [run["name"] for run in json.loads(shell(server, best.replace("<token>", token)))] == ["r"]


def test_every_setting_is_documented_and_no_other():
    from dataclasses import fields

    from aimanager import Settings

    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", DEPLOY, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"[A-Z_]+", row)} - {"AI_MANAGER_"}
    assert documented == {item.name.upper() for item in fields(Settings)}


def test_links_between_documents_lead_somewhere():
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_make_help_lists_what_the_documents_name():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=120).stdout
    for page in (README, DEPLOY, (ROOT / "CONTRIBUTING.md").read_text()):
        for target in re.findall(r"`?make ([a-z-]+)", page):
            assert re.search(rf"\b{target}\b", listed), target
