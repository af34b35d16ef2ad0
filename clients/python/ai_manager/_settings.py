"""Which server, as whom, and in which mode: arguments first, then the environment, then `ai-manager login`."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ai_manager import _logins
from ai_manager.errors import ConfigurationError

DEFAULT_URL = "http://127.0.0.1:8000"
HOW = (
    "pass api_key=... or username=... and password=..., set AI_MANAGER_API_KEY, or run `ai-manager login` once "
    "(keys are made on the server's settings page)"
)
MODES = ("online", "offline", "disabled")


@dataclass(frozen=True)
class Settings:
    """A checked address and one way to sign in. Secrets stay out of its repr."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    from_environment: bool = False  # Or of a login: whether the credentials may change while a run goes on.

    @property
    def has_credentials(self) -> bool:
        return bool(self.api_key or self.username)

    @property
    def bare(self) -> bool:
        """Whether credentials would travel unprotected: plain http to another machine."""
        parts = urlsplit(self.url)
        return self.has_credentials and parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def resolve(
    api_url: str | None = None,
    username: str | None = None,
    password: str | None = None,
    api_key: str | None = None,
) -> Settings:
    """Settings from arguments, environment and logins, perhaps without credentials. Raises ConfigurationError with what to do."""
    logins = _logins.read()
    url = address(api_url or os.environ.get("AI_MANAGER_URL") or logins.url or DEFAULT_URL)
    if api_key and (username or password):
        raise ConfigurationError("give an api_key or a username and password, not both")
    if username or password:
        if not (username and password):
            raise ConfigurationError("a username needs a password and the other way round")
        return Settings(url, username=username, password=password)
    key = (api_key or os.environ.get("AI_MANAGER_API_KEY") or logins.api_keys.get(url) or "").strip()
    if not key:
        return Settings(url, from_environment=True)
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError("the API key holds characters that no key has; copy it again")
    return Settings(url, api_key=key, from_environment=not api_key)


def mode_of(mode: str | None) -> str | None:
    """The mode that was asked for, by argument or AI_MANAGER_MODE; None when nobody asked."""
    mode = mode or os.environ.get("AI_MANAGER_MODE") or None
    if mode is not None and mode not in MODES:
        raise ConfigurationError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
    return mode


def address(url: str) -> str:
    """The server's address without a trailing slash, or ConfigurationError."""
    example = f"; it looks like {DEFAULT_URL}"
    try:
        parts = urlsplit(url.strip())
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError) as error:
        raise ConfigurationError("api_url is not an address" + example) from error
    if not is_valid:
        raise ConfigurationError("api_url must begin with http:// or https:// and name a host" + example)
    if "@" in parts.netloc:
        raise ConfigurationError("leave credentials out of api_url: " + HOW)
    if parts.query or parts.fragment:
        raise ConfigurationError("api_url has no ? or # part" + example)
    return "{}://{}{}".format(parts.scheme, parts.netloc, parts.path.rstrip("/"))


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
