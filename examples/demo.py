"""What `make demo` does: see that a server runs, make an account for the demo, train, and say where to look.

    make demo       (or: python examples/demo.py --seconds 30)

It speaks to AI_MANAGER_URL with AI_MANAGER_API_KEY when these are set. Without them it uses the server on this
machine, starts it if need be, and signs in as a user that it registers with a password nobody else knows.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from ai_manager import AIManager, AIManagerError, AuthenticationError
from train_digits import train_all

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("AI_MANAGER_DATA_DIR") or ROOT / "data")
ACCOUNT = DATA / "demo-account.json"
PROJECT = "Digits demo"


def main() -> None:
    parser = argparse.ArgumentParser(description="Train real models against the server and watch them live.")
    parser.add_argument("--seconds", type=float, default=120, help="how long training takes (default: 120)")
    parser.add_argument("--quick", action="store_true", help="train as fast as the machine can")
    options = parser.parse_args()
    url = os.environ.get("AI_MANAGER_URL", "").rstrip("/") or local_address()
    started = None if is_ready(url) else start_server(url)
    manager = sign_in(url)
    print(f"\n  Watch it live: {manager.url}\n", flush=True)
    train_all(manager, 0 if options.quick else options.seconds)
    print(f"\nDone; the runs stay at {manager.url}")
    if started:
        print(f"The server goes on in the background; end it with: kill {started}")


def local_address() -> str:
    """Where the server on this machine listens by its own settings."""
    return f"http://127.0.0.1:{os.environ.get('AI_MANAGER_PORT') or 8000}"


def is_ready(url: str) -> bool:
    """Whether a server answers there and can work."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def start_server(url: str) -> int:
    """Start what `make run` starts, in the background, and wait for it; its process id."""
    address = urlsplit(url)
    if address.scheme != "http" or address.hostname not in ("127.0.0.1", "localhost"):
        sys.exit(f"No server is ready at {url}, and it is not this machine's to start.")
    DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = DATA / "demo-server.log"
    print(f"Starting the server (its log: {log})", flush=True)
    # Inside make the server ends with make; this one is to stay, so it must not know that make is here.
    settings = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    settings |= {"AI_MANAGER_PORT": str(address.port or 80), "AI_MANAGER_DATA_DIR": str(DATA.resolve())}
    with log.open("ab") as output:
        server = subprocess.Popen(
            [ROOT / "scripts" / "run.sh"],
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + 60
    while not is_ready(url):
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"The server did not start; {log} says why.")
        time.sleep(0.1)
    return server.pid


def sign_in(url: str) -> AIManager:
    """A manager for the demo's project, by the API key in the environment or the demo's own account."""
    try:
        if os.environ.get("AI_MANAGER_API_KEY"):
            manager = AIManager(project_name=PROJECT, api_url=url)
            print(f"Signed in as {manager.check()['username']}")
            return manager
        if ACCOUNT.exists():
            account = json.loads(ACCOUNT.read_text())
            try:
                manager = connect(url, account)
            except AuthenticationError:
                print("The demo's account does not exist on this server; creating another.")
            else:
                print(f"To sign in: user {account['username']}, password in {ACCOUNT}")
                return manager
        account = register(url)
        print(f"To sign in: user {account['username']}, password {account['password']}")
        print(f"(kept in {ACCOUNT}, for your eyes only)")
        return connect(url, account)
    except AIManagerError as error:
        sys.exit(f"The demo cannot sign in: {error}")


def connect(url: str, account: dict[str, str]) -> AIManager:
    """A manager that has signed in; raises AuthenticationError when the account does not exist."""
    manager = AIManager(project_name=PROJECT, api_url=url, **account)
    manager.check()
    return manager


def register(url: str) -> dict[str, str]:
    """Make an account on the server and keep it in a file that only this user can read."""
    for username in ("demo", f"demo-{secrets.token_hex(3)}"):
        account = {"username": username, "password": secrets.token_urlsafe(12)}
        if (refused := post(f"{url}/auth/register", {"email": f"{username}@example.com", **account})) is None:
            break
    else:
        sys.exit(f"The server takes no new account ({refused}). Set AI_MANAGER_API_KEY and try again.")
    DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
    ACCOUNT.unlink(missing_ok=True)
    with open(os.open(ACCOUNT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(account, file)
    return account


def post(url: str, body: dict[str, str]) -> str | None:
    """Send JSON; None when the server took it, else what it said."""
    headers = {"Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=10):
            return None
    except urllib.error.HTTPError as error:
        return f"{error.code}: {error.read(500).decode(errors='replace')}"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)  # As shells have it; the runs are marked as killed.
