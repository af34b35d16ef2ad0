"""Real servers for the tests: PostgreSQL, Redis and our own gunicorn, each on a free port of the loopback.

Whatever a test run starts dies with it, even when it is killed: the kernel sends the children a signal.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import psycopg

from tests.waiting import becomes

ROOT = Path(__file__).resolve().parent.parent


class NotInstalled(Exception):
    """A program that the tests need is not on this machine; the sentence says how to get it."""


def find_program(name: str, package: str, folders: Iterable[Path] = ()) -> Path:
    """Find a program on the PATH or in other folders."""
    for folder in folders:
        if (folder / name).exists():
            return folder / name
    if path := shutil.which(name):
        return Path(path)
    raise NotInstalled(f"{name} is not on this machine; `make system` installs it (Debian package {package}).")


def free_port() -> int:
    """Find a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tied_to_us(with_signal: signal.Signals, user: str | None) -> list[str]:
    """Begin a command so that it ends with this process, and runs as another user if one is named.

    The kernel minds the thread that started the child: start servers from one that outlives them.
    """
    if not (setpriv := shutil.which("setpriv")):
        return []
    owner = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    return [setpriv, f"--pdeathsig={with_signal.name.removeprefix('SIG')}", *owner]


def wait_for_start(holds: Callable[[], bool], process: subprocess.Popen, log: Callable[[], str], seconds: float = 30):
    """Wait until a server that was just started answers; raises RuntimeError with its log if not."""

    def has_settled() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}:\n{log()}")
        return holds()

    if not becomes(has_settled, seconds, every=0.02):
        process.kill()
        raise RuntimeError(f"{process.args} did not answer within {seconds} s:\n{log()}")


class Server:
    """A child process with a folder of its own and a log; `stop` ends it as its operator would."""

    stop_signal = signal.SIGTERM
    death_signal = signal.SIGKILL
    user: str | None = None
    patience = 30.0  # Seconds that it may take to start.

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"aimanager-{type(self).__name__.lower()}-"))
        self.port = free_port()
        self.process: subprocess.Popen | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """What the server has printed so far."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def spawn(self, command: list[str], env: Mapping[str, str] | None = None) -> None:
        """Start the server and return when it answers."""
        command = tied_to_us(self.death_signal, self.user) + command
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for_start(self.answers, self.process, lambda: self.log, self.patience)

    def answers(self) -> bool:
        """Say whether the server takes requests."""
        raise NotImplementedError

    def stop(self, seconds: float = 15) -> int:
        """Ask the server to end, wait until it has, and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End the server and its workers at once, as a power cut or the kernel's memory killer would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(10)

    def close(self) -> None:
        """Stop the server if it still runs, and remove what it left."""
        try:
            if self.process:
                self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    """A PostgreSQL cluster of our own, with as many empty databases as a test needs.

    It does not wait for the disk, unless it is `durable`: what is tested is the software.
    """

    stop_signal = signal.SIGINT  # Ends without waiting for the clients.
    death_signal = signal.SIGQUIT  # Its children end with it.

    def __init__(self, durable: bool = False) -> None:
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        initdb = find_program("initdb", "postgresql", folders)
        postgres = find_program("postgres", "postgresql", folders)
        super().__init__()
        self.made = 0
        if os.getuid() == 0:  # PostgreSQL refuses to run as root.
            self.user = "postgres"
            shutil.chown(self.folder, "postgres")
        data = self.folder / "data"
        subprocess.run(
            [initdb, "--pgdata", data, "--username", "tests", "--auth", "trust", "--no-sync", "--no-locale",
             "--encoding", "UTF8"],
            check=True, capture_output=True, user=self.user, cwd="/",
        )  # fmt: skip
        settings = {"fsync": "on", "synchronous_commit": "on"}
        if not durable:
            settings = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings |= {"listen_addresses": "127.0.0.1", "port": str(self.port), "max_connections": "300"}
        settings |= {"unix_socket_directories": str(self.folder)}
        self.command = [str(postgres), "-D", str(data)] + [f"-c{name}={value}" for name, value in settings.items()]
        self.start()

    def start(self) -> None:
        """Start the cluster, also again after `stop` or `kill`."""
        self.spawn(self.command)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://tests@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def make_database(self, template: str = "template1") -> str:
        """Make a database, a copy of the template, and give its URL."""
        self.made += 1
        name = f"test_{self.made}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)


class Redis(Server):
    """A Redis server that keeps nothing on disk."""

    def __init__(self) -> None:
        program = find_program("redis-server", "redis-server")
        super().__init__()
        settings = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder)}
        settings |= {"save": "", "appendonly": "no"}
        self.command = [str(program)]
        for name, value in settings.items():
            self.command += [f"--{name}", value]
        self.start()

    def start(self) -> None:
        """Start the server, also again after `stop` or `kill`."""
        self.spawn(self.command)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        try:
            return self.say("PING") == "+PONG"
        except OSError:
            return False

    def empty(self) -> None:
        """Forget everything."""
        self.say("FLUSHALL")

    def say(self, command: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(100).decode().strip()


class Gunicorn(Server):
    """The server as people run it: `gunicorn -c gunicorn.conf.py wsgi:app`, with a data directory of its own.

    Settings are named as in `aimanager.config`: `Gunicorn(workers=2, rate_limits="")`.
    """

    def __init__(self, **settings: object) -> None:
        super().__init__()
        self.settings = {"host": "127.0.0.1", "port": self.port, "data_dir": self.folder / "data"} | settings
        self.port = int(self.settings["port"])
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data_dir(self) -> Path:
        return Path(self.settings["data_dir"])

    def start(self) -> None:
        """Start the server and return when /readyz says so."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("AI_MANAGER_")}
        env |= {f"AI_MANAGER_{name.upper()}": str(value) for name, value in self.settings.items()}
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        self.spawn(command, env)

    def restart(self) -> None:
        """Stop the server and start it again, with the same data on the same port."""
        self.stop()
        self.start()

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False
