"""What is installed is locked by version and hash, and from wherever the machine's registries are."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKED = [*ROOT.glob("requirements*.txt"), *ROOT.glob("scripts/bootstrap/*.txt")]


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.name)
def test_a_locked_requirement_has_one_version_and_a_hash_and_no_address(path):
    text = path.read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "--hash="))]
    assert lines
    assert all(re.fullmatch(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+( ; [^/]+)? \\", line) for line in lines)
    assert "://" not in text
    assert "file:" not in text


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.name)
def test_every_requirement_that_is_asked_for_is_locked(path):
    requirements = re.findall(r"^[a-z][a-z0-9-]+", path.with_suffix(".in").read_text(), re.MULTILINE)
    locked = re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==", path.read_text(), re.MULTILINE)
    assert requirements
    assert set(requirements) <= set(locked)


def test_the_scripts_of_others_are_pinned_exactly_and_without_an_address():
    package = json.loads((ROOT / "package.json").read_text())
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    pinned = package["dependencies"] | package["devDependencies"]
    assert all(locked[f"node_modules/{name}"]["version"] == version for name, version in pinned.items())
    assert all("resolved" not in package for package in locked.values())


def test_a_user_installs_nothing_that_only_checks_our_scripts():
    commands = subprocess.run(
        ["make", "--dry-run", "--always-make", "install", "run"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "scripts/assets.py" in commands.stdout
    assert "--dev" not in commands.stdout


def test_the_installed_scripts_are_the_expected_bytes():
    for line in (ROOT / "scripts/assets.sha256").read_text().splitlines():
        digest, name = line.split()
        content = (ROOT / "static/vendor" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert (ROOT / "static/vendor" / f"{name}.gz").exists()


def test_the_chart_stylesheet_styles_the_chart():
    rules = (ROOT / "static/vendor/plotly.css").read_text().splitlines()
    assert len(rules) > 10
    assert all(re.fullmatch(r"[^{}]+\{[^{}]+\}", rule) for rule in rules)
    assert any(rule.startswith(".js-plotly-plot .plotly .main-svg{") for rule in rules)
