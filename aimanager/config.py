"""Settings from the environment: every name begins with `AI_MANAGER_`, none needs to be set."""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from limits import parse_many

log = logging.getLogger(__name__)

PREFIX = "AI_MANAGER_"
# Names of the Python client, which may share the environment with a server.
CLIENT_NAMES = {"URL", "API_KEY", "USERNAME", "PASSWORD", "PROJECT", "MODE", "CAPTURE", "CONSOLE"}
CLIENT_NAMES |= {"SPOOL_DIR", "SPOOL_LIMIT", "CLIENT_CERT", "CLIENT_KEY"}


class ConfigurationError(Exception):
    """A setting that cannot be used; the sentence names it and what was expected."""


def _boolean(text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError("expected 1 or 0")


SAMPLES = ("change", "your-", "your_", "example", "secret-key", "secret_key", "12345678", "password")


def _is_secret(key: str) -> bool:
    """Long, not one letter over and over, and none of the placeholders that people copy out of documents."""
    return len(key) >= 32 and len(set(key)) >= 10 and not any(sample in key.lower() for sample in SAMPLES)


def _is_limit(text: str) -> bool:
    try:
        return not text or all(limit.amount > 0 for limit in parse_many(text))
    except ValueError:
        return False


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError
    except ValueError:
        return False
    rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username, parts.password)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not any(rest)


def _is_local(host: str) -> bool:
    """Whether a name or an address is this machine's own, and nobody else's way to it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


@dataclass(frozen=True)
class Settings:
    """What one server was told. A size of the system is chosen by URLs; with none set the embedded kinds serve.

    `rate_limits` and `ingest_limits` are limit strings such as "100/minute;1000/hour"; empty turns them off.
    `sockets` is how many viewers one worker takes; each holds a thread, so it stays below `threads`.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: Path = Path("data")
    database_url: str = field(default="", repr=False)  # May hold a password.
    redis_url: str = field(default="", repr=False)
    rate_limits: str = "100/minute;1000/hour"
    # A page asks for charts far more often than a script asks the API, so a browser counts apart.
    page_limits: str = "1200/minute"
    ingest_limits: str = "1200/minute"
    ingest_points: str = "20000000/minute"
    workers: int = 1
    threads: int = 192
    sockets: int = 0
    sockets_per_user: int = 50
    registration: str = "open"
    durability: str = "durable"
    trash_days: int = 7
    console_limit: int = 1 << 30  # Bytes of console output that are kept of a run.
    allowed_hosts: tuple[str, ...] = ()
    public_url: str = ""
    trusted_proxies: int = 0
    secret_key: str = field(default="", repr=False)
    log_level: str = "info"
    auto_migrate: bool = True
    bundle: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "data_dir", Path(self.data_dir).expanduser().absolute())
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{self.data_dir / 'aimanager.db'}")
        object.__setattr__(self, "public_url", self.public_url.rstrip("/"))
        if not self.sockets:
            object.__setattr__(self, "sockets", max(1, self.threads - 32))
        self._check()

    def _check(self) -> None:
        expectations = [
            *((_is_limit(getattr(self, name)), name.upper(), "limits such as 100/minute;1000/hour, or nothing for none")
              for name in ("rate_limits", "page_limits", "ingest_limits", "ingest_points")),
            (0 <= self.port <= 65535, "PORT", "a number from 0 to 65535"),
            (self.workers >= 1, "WORKERS", "a number of at least 1"),
            (self.threads >= 4, "THREADS", "a number of at least 4"),
            (self.sockets < self.threads, "SOCKETS", "fewer than AI_MANAGER_THREADS, as each socket holds one"),
            (self.registration in {"open", "closed"}, "REGISTRATION", "open or closed"),
            (self.durability in {"durable", "fast"}, "DURABILITY", "durable or fast"),
            (self.trash_days >= 1, "TRASH_DAYS", "a number of days of at least 1"),
            (self.console_limit >= 0, "CONSOLE_LIMIT", "a number of bytes, 0 to keep no console output"),
            (self.trusted_proxies >= 0, "TRUSTED_PROXIES", "the number of proxies in front, 0 for none"),
            (not self.secret_key or _is_secret(self.secret_key), "SECRET_KEY",
             "at least 32 random characters, such as `openssl rand -hex 32` prints"),
            (self.database_url.startswith(("sqlite:///", "postgresql")), "DATABASE_URL",
             "sqlite:///path or postgresql://user@host/name"),
            (not self.redis_url or self.redis_url.startswith(("redis://", "rediss://", "unix://")), "REDIS_URL",
             "redis://host:port/0"),
            (self.log_level in {"debug", "info", "warning", "error"}, "LOG_LEVEL",
             "debug, info, warning or error"),
            (not self.public_url or _is_origin(self.public_url), "PUBLIC_URL",
             "http://host or https://host without a path, as pages are served from the root of a host"),
        ]  # fmt: skip
        for holds, name, expected in expectations:
            if not holds:
                raise ConfigurationError(f"{PREFIX}{name} cannot be used: expected {expected}.")

    @property
    def listens_locally(self) -> bool:
        """Whether it accepts connections of this machine only; a proxy here may still pass on those of others."""
        return _is_local(self.host)

    @property
    def reached_by_others(self) -> bool:
        """Whether anything says that people elsewhere use it; otherwise the contract's short passwords work as written."""
        names = [self.host, urlsplit(self.public_url).hostname or "localhost", *self.allowed_hosts]
        return self.trusted_proxies > 0 or not all(map(_is_local, names))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Read `AI_MANAGER_*`, or the file that `AI_MANAGER_<NAME>_FILE` names; raises ConfigurationError."""
        environ = os.environ if environ is None else environ
        settings_by_name = {item.name.upper(): item for item in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in environ.items():
            if not name.startswith(PREFIX):
                continue
            key = name.removeprefix(PREFIX)
            if key.endswith("_FILE") and key.removesuffix("_FILE") in settings_by_name:
                key, text = key.removesuffix("_FILE"), _content(name, text)
            if key in settings_by_name:
                values[settings_by_name[key].name] = _cast(key, settings_by_name[key].default, text)
            elif key not in CLIENT_NAMES:
                log.warning("%s is not a setting of AI Manager and is ignored", name)
        return cls(**values | overrides)


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError):
        raise ConfigurationError(f"{name} cannot be used: expected the path of a readable text file.") from None


def _cast(name: str, default: Any, text: str) -> Any:
    kinds: dict[type, Any] = {bool: _boolean, int: int, tuple: _names, str: str}
    cast = Path if isinstance(default, Path) else kinds[type(default)]
    try:
        return cast(text.strip())
    except ValueError:
        expected = {"_boolean": "1 or 0", "int": "a whole number"}.get(cast.__name__, "text")
        raise ConfigurationError(f"{PREFIX}{name} cannot be used: expected {expected}.") from None
