"""Keys and passwords: made well, kept for the owner only, never said aloud."""

import logging
import os
import re
import socket
import stat
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from aimanager import ConfigurationError, Settings
from aimanager.api.requests import Account, Login, Register
from aimanager.http.signing_key import secret_key
from tests.cast import PASSWORD


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def keyless(tmp_path) -> Settings:
    return Settings(data_dir=tmp_path / "fresh")


def test_a_first_start_makes_a_key_that_only_the_owner_reads(settings, make_app):
    make_app(secret_key="")
    folder = settings.data_dir
    assert mode(folder) == 0o700
    assert mode(folder / "secret.key") == 0o600
    key = (folder / "secret.key").read_text()
    assert len(key) >= 43
    make_app(secret_key="")
    assert (folder / "secret.key").read_text() == key
    for file in folder.rglob("*"):
        assert mode(file) & 0o077 == 0, file


def test_no_two_servers_have_the_same_key(tmp_path):
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    assert len({secret_key(Settings(data_dir=folder)) for folder in folders}) == 3


def test_processes_that_start_together_agree_on_the_key(tmp_path, keyless):
    keyless.data_dir.mkdir()
    keys, barrier = [], threading.Barrier(8)

    def start():
        barrier.wait()
        keys.append(secret_key(keyless))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_key_that_others_can_read_is_closed_and_said(keyless, caplog):
    keyless.data_dir.mkdir()
    path = keyless.data_dir / "secret.key"
    path.write_text("k" * 48)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert secret_key(keyless) == "k" * 48
    assert mode(path) == 0o600
    assert "could be read by others" in caplog.text
    assert "kkkk" not in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("content", ["short", ""])
def test_a_damaged_key_file_stops_the_start_with_a_sentence(keyless, content):
    keyless.data_dir.mkdir()
    (keyless.data_dir / "secret.key").write_text(content)
    (keyless.data_dir / "secret.key").chmod(0o600)
    with pytest.raises(ConfigurationError, match="too short to be a key"):
        secret_key(keyless)


@pytest.mark.parametrize(
    "key",
    ["short", "x" * 31, "x" * 64, "0123" * 16, "your-secret-key-change-it-in-production-please", "CHANGE_ME_" * 5,
     "this-is-my-secret-key-for-jwt-tokens-0123456789", "password-password-password-password-1"],
)  # fmt: skip
def test_a_key_that_can_be_guessed_is_refused(key):
    with pytest.raises(ConfigurationError, match=r"^AI_MANAGER_SECRET_KEY cannot be used: expected .*\.$") as error:
        Settings.from_env({"AI_MANAGER_SECRET_KEY": key})
    assert key not in str(error.value)


def test_a_random_key_is_taken_also_from_a_file(tmp_path):
    key = os.urandom(32).hex()
    (tmp_path / "key").write_text(f"{key}\n")
    assert Settings.from_env({"AI_MANAGER_SECRET_KEY": key}).secret_key == key
    assert Settings.from_env({"AI_MANAGER_SECRET_KEY_FILE": str(tmp_path / "key")}).secret_key == key


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("PORT", "70000"), ("PORT", "9" * 5000), ("WORKERS", "0"), ("WORKERS", "many"), ("THREADS", "1"),
     ("SOCKETS", "9999"), ("REGISTRATION", "maybe"), ("DURABILITY", "none"), ("DATABASE_URL", "mysql://x"),
     ("DATABASE_URL", "sqlite://"), ("REDIS_URL", "http://x"), ("TRUSTED_PROXIES", "-1"), ("LOG_LEVEL", "loud"),
     ("PUBLIC_URL", "example.com"), ("PUBLIC_URL", "https://example.com/aim"), ("PUBLIC_URL", "https://example.com/?a=b"),
     ("PUBLIC_URL", "https://"), ("PUBLIC_URL", "https://me:secret@example.com"), ("PUBLIC_URL", "https://[::1"),
     ("AUTO_MIGRATE", "perhaps"), ("RATE_LIMITS", "lots"), ("RATE_LIMITS", "0/minute"),
     ("RATE_LIMITS", "5/fortnight"), ("PAGE_LIMITS", ";"), ("INGEST_LIMITS", "-5/minute"), ("INGEST_POINTS", "1e6/minute"),
     ("SECRET_KEY_FILE", "/nowhere/at/all"), ("SECRET_KEY_FILE", "/"), ("SECRET_KEY_FILE", "a\0b")],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named_in_one_sentence(name, value):
    with pytest.raises(ConfigurationError) as error:
        Settings.from_env({f"AI_MANAGER_{name}": value})
    sentence = str(error.value)
    assert re.fullmatch(rf"AI_MANAGER_{name} cannot be used: expected [^\n]+\.", sentence)
    assert len(sentence) < 200


def test_a_public_url_may_end_in_a_slash():
    for url in ("https://ai.example.com", "https://ai.example.com/", "http://ai.example.com:8080/"):
        assert Settings.from_env({"AI_MANAGER_PUBLIC_URL": url}).public_url == url.rstrip("/")


def test_a_name_that_is_no_setting_is_said(caplog):
    Settings.from_env({"AI_MANAGER_PROT": "8000", "AI_MANAGER_API_KEY": "aimgr_x", "OTHER": "x"})
    assert caplog.messages == ["AI_MANAGER_PROT is not a setting of AI Manager and is ignored"]


def start(**settings: str) -> str:
    """What a server that cannot start says."""
    env = os.environ | {f"AI_MANAGER_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.slow
def test_what_stops_the_start_is_a_sentence_that_says_what_to_do(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = start(PORT=port, DATA_DIR=str(tmp_path))
        assert said == f"Port {port} cannot be used (Address already in use): set AI_MANAGER_PORT to another.\n"
    said = start(PORT="0", DATA_DIR="/proc/none")
    assert "/proc/none cannot be the data directory (No such file or directory): set AI_MANAGER_DATA_DIR" in said
    said = start(PORT="0", DATA_DIR=str(tmp_path), DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert "The database cannot be used, see AI_MANAGER_DATABASE_URL: connection" in said


def test_the_server_says_the_sentence_and_nothing_else():
    env = os.environ | {"AI_MANAGER_SECRET_KEY": "guessable"}
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"], env=env, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert done.returncode != 0
    assert "AI_MANAGER_SECRET_KEY cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert "guessable" not in done.stdout + done.stderr


def test_the_server_does_not_start_in_debug_mode(app):
    assert app.debug is False
    assert app.testing is False
    assert app.config["PROPAGATE_EXCEPTIONS"] is False


def test_no_secret_is_in_how_a_thing_prints(alice, settings):
    with_secrets = replace(
        settings, database_url="postgresql://me:hunter2@host/name", redis_url="redis://:hunter2@host/0"
    )
    assert "hunter2" not in repr(with_secrets) + str(with_secrets)
    assert settings.secret_key not in repr(settings)
    assert alice.csrf not in repr(alice.principal)
    for model in (
        Register(email="a@b.org", username="a", password="hunter2"), Login(username="a", password="hunter2"),
        Account(password="hunter2", new_password="hunter2"),
    ):  # fmt: skip
        assert "hunter2" not in repr(model)
        assert "hunter2" not in str(model)


@pytest.mark.slow
def test_the_settings_are_printed_without_secrets(tmp_path):
    secret = "a-long-Random.Text/of+letters0189!"
    env = os.environ | {
        "AI_MANAGER_SECRET_KEY": secret, "AI_MANAGER_DATABASE_URL": "postgresql://me:hunter2@host/name",
        "AI_MANAGER_REDIS_URL": "redis://:hunter2@host/0", "AI_MANAGER_DATA_DIR": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "aimanager.cli", "config"], env=env, capture_output=True, text=True, timeout=60
    )
    said = done.stdout + done.stderr
    assert "hunter2" not in said
    assert secret not in said


def test_no_log_holds_a_secret_whatever_goes_wrong(app, api, alice, browser_of, key_of, make_run, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    run_id, key = make_run(alice), key_of(alice)
    made = api(alice).post("/auth/keys", {"name": "laptop"}).json["api_key"]
    ticket = api(alice).post("/auth/ws-ticket", {"run_id": run_id}).json["ticket"]
    fresh = api().post("/auth/login", {"username": "alice", "password": PASSWORD}).json["access_token"]
    api().post("/auth/login", {"username": "alice", "password": "hunter2-wrong"})
    api().post("/auth/register", {"email": "bad", "username": "x", "password": "hunter2-register"})
    api(alice).put("/auth/me", {"password": "hunter2-old", "new_password": "hunter2-new"})
    browser_of(alice).get(f"/ws/{run_id}?ticket={ticket}")
    api(key).get("/auth/me")

    def broken(*args, **kwargs):
        from aimanager.extensions import db

        db.session.execute(db.text("SELECT :a FROM nothing"), {"a": args[-1]})

    monkeypatch.setattr("aimanager.services.accounts.create", broken)
    answer = api().post("/auth/register", {"email": "a@b.org", "username": "x", "password": "hunter2-register"})
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert "unhandled error" in caplog.text
    for secret in (
        "hunter2",
        PASSWORD,
        alice.token,
        alice.csrf,
        key,
        made,
        ticket,
        fresh,
        app.config["JWT_SECRET_KEY"],
    ):
        assert secret not in caplog.text


def test_what_a_browser_reports_is_one_short_line_of_a_log(api, caplog):
    forged = b'{"csp-report": "x\r\n2026-01-01 CRITICAL forged\x1b[31m' + b"x" * 1_000_000 + b'"}'
    assert api().post("/csp-report", data=forged, headers={"User-Agent": "x\x1b[31m" * 1000}).status_code == 204
    (line,) = [record.getMessage() for record in caplog.records if "policy violation" in record.getMessage()]
    assert len(line) < 1200
    assert not re.search(r"[\r\n\x1b]", line)


@pytest.mark.slow
def test_the_real_servers_output_holds_no_secret(gunicorn_server):
    import urllib3

    server = gunicorn_server(threads=8, log_level="debug")
    pool, account = urllib3.PoolManager(), {"email": "a@b.org", "username": "alice", "password": "hunter2-password"}
    pool.request("POST", f"{server.url}/auth/register", json=account)
    token = pool.request("POST", f"{server.url}/auth/login", json=account).json()["access_token"]
    pool.request("GET", f"{server.url}/auth/me?token={token}", headers={"Authorization": f"Bearer {token}"})
    pool.request("GET", f"{server.url}/ws/1?ticket=hunter2-ticket")
    server.stop()
    logs = server.log
    assert "hunter2" not in logs
    assert token not in logs
