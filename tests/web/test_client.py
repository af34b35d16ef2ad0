"""The server hands out the client that its pages tell people to install."""

import subprocess
import sys
from pathlib import Path

import pytest

from aimanager.web.client import wheel


def test_the_install_line_of_the_page_names_a_file_that_is_there(app, browser_of, alice, make_project):
    page = browser_of(alice).get(f"/app/projects/{make_project(alice)}").text
    with app.test_request_context():
        name = wheel()
    assert f"pip install http://localhost/client/{name}" in page
    with app.test_client().get(f"/client/{name}") as answer:
        assert (answer.status_code, answer.data[:2]) == (200, b"PK")


def test_nothing_else_is_handed_out(app):
    for name in ("htmx.min.js", "..%2fplotly.css", "ai_manager_client-0.0.0-py3-none-any.whl"):
        assert app.test_client().get(f"/client/{name}").status_code == 404


@pytest.mark.slow
def test_the_client_that_was_handed_out_can_be_installed(gunicorn_server, app, tmp_path):
    server = gunicorn_server()
    with app.test_request_context():
        address = f"{server.url}/client/{wheel()}"
    target = tmp_path / "installed"
    uv = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-deps", "--target", target]
    subprocess.run([*uv, f"ai-manager-client @ {address}"], check=True, capture_output=True, timeout=120)
    assert (target / "ai_manager" / "__init__.py").exists()
