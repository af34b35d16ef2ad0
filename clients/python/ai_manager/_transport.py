"""HTTP to one server: sign-in, bounded answers, and every failure as one of this package's errors."""

from __future__ import annotations

import gzip
import io
import json
import os
import platform
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlencode, urlsplit

from ai_manager._columns import FRAME, JSON
from ai_manager._settings import HOW, Settings
from ai_manager._values import whole_json
from ai_manager._version import __version__
from ai_manager.errors import AuthenticationError, ServerError, UnreachableError

if TYPE_CHECKING:
    import urllib3

T = TypeVar("T")
LONGEST_ANSWER = 1 << 20  # Answers to a client are small; whatever is longer is not ours and is not read.
WORTH_PACKING = 1 << 10  # Bytes from which on a body is compressed.
LONGEST_WAIT = 3600.0  # A Retry-After beyond an hour is taken for a mistake.
TIMEOUT = (5.0, 20.0)  # Seconds to connect or to send a piece, and until an answer or its next piece comes.
PIECE = 16 << 10  # Bytes of a body that are sent at once: each has the time of a piece, not the body as a whole.
SLOWEST = 8_000  # Bytes per second that a network may be slow: what it holds of a body arrives before the answer comes.
AGENT = f"ai-manager-client/{__version__} python/{platform.python_version()}"
FORM = "application/x-www-form-urlencoded"


class Transport:
    """Calls the API as one user. Safe to share between threads.

    Redirects are not followed, so that credentials never reach another host; certificates are always checked. Proxies
    and certificates are those of the environment: HTTPS_PROXY, HTTP_PROXY, NO_PROXY; REQUESTS_CA_BUNDLE or
    SSL_CERT_FILE; AI_MANAGER_CLIENT_CERT and AI_MANAGER_CLIENT_KEY.
    """

    def __init__(self, settings: Settings) -> None:
        self.points_kind = FRAME  # What this server takes points as.
        self._pool: Any = None
        self.sign_in_as(settings)

    def sign_in_as(self, settings: Settings) -> None:
        """Use other credentials from now on."""
        self._settings = settings
        self._token = settings.api_key

    def __repr__(self) -> str:
        return f"Transport({self._settings.url!r})"

    @property
    def url(self) -> str:
        """The server's address."""
        return self._settings.url

    @property
    def settings(self) -> Settings:
        """The server and the credentials."""
        return self._settings

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """What must not be shown anywhere."""
        return self._settings.api_key, self._settings.password

    def reconnect(self) -> None:
        """Begin with fresh connections; a forked child must not speak on its parent's sockets.

        Whoever sends in the background calls this first, in the foreground: it imports what speaks HTTP, and a fork in the
        middle of that import would leave the child without it for ever. A run that is offline never pays for it.
        """
        self._pool = _connections(self._settings.url)

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = None, kind: str = JSON
    ) -> dict[str, Any]:
        """The JSON object that the server answers with.

        `body` is bytes of that kind, or something to encode as JSON; `key` makes a POST harmless to repeat. A token
        that ran out is renewed once. Raises UnreachableError, AuthenticationError or ServerError, and ValueError for a
        certificate that cannot be read.
        """
        if body is not None and not isinstance(body, bytes):
            body = whole_json(json.dumps(body)).encode()
        named = {"Idempotency-Key": key} if key else {}
        return self._as_user(lambda who: self._send(method, path, body, kind, {**who, **named}))

    def open(self, path: str, accept: str = JSON) -> Answer:
        """What the server answers to a GET, of any length and to be read piece by piece. Raises as `call` does."""
        return self._as_user(lambda who: self._open(path, {**who, "Accept": accept}))

    def _as_user(self, attempt: Callable[[dict[str, str]], T]) -> T:
        """What comes of an attempt with the headers that say who asks."""
        if not self._settings.has_credentials:
            raise AuthenticationError(HOW)
        if self._token is None:
            self._sign_in()
        try:
            return attempt({"Authorization": f"Bearer {self._token}"})
        except AuthenticationError:
            if self._settings.api_key:
                raise
        self._sign_in()
        try:
            return attempt({"Authorization": f"Bearer {self._token}"})
        except AuthenticationError as error:
            # The password is good, so this is no reason to stop for ever.
            raise ServerError(401, str(error)) from error

    def _sign_in(self) -> None:
        """Get a token for the user name and password."""
        self._token = None
        form = {"username": self._settings.username, "password": self._settings.password}
        answer = self._send("POST", "/auth/login", urlencode(form).encode(), FORM, {})
        token = answer.get("access_token")
        if not isinstance(token, str) or not token.isascii():
            raise UnreachableError(f"{self.url} answered a login without a token")
        self._token = token

    def _send(self, method: str, path: str, body: Any, kind: str, extra: dict[str, str]) -> dict[str, Any]:
        headers = dict(extra)
        if body is not None:
            headers["Content-Type"] = kind
            if len(body) > WORTH_PACKING:
                # The same bytes each time, without a time in them: a repeat is known by its bytes.
                body, headers["Content-Encoding"] = gzip.compress(body, 1, mtime=0), "gzip"
        return self._judge(*self._request(method, path, body, headers))

    def _open(self, path: str, extra: dict[str, str]) -> Answer:
        response, content = self._request("GET", path, None, extra, is_bounded=False)
        if response.status != 200:
            self._judge(response, content)
            raise UnreachableError(f"{self.url} does not answer like an AI Manager")
        return Answer(response, self.url)

    def _request(
        self, method: str, path: str, body: Any, extra: dict[str, str], is_bounded: bool = True
    ) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        """The answer with its content; a good one of any length is left to be read."""
        import urllib3

        if self._pool is None:
            self.reconnect()
        headers = {"User-Agent": AGENT, "Accept": JSON, **extra}
        connect, read = TIMEOUT
        if body is not None and len(body) > PIECE:
            headers["Content-Length"] = str(len(body))
            read += len(body) / SLOWEST
            body = io.BytesIO(body)
        try:
            response = self._pool.urlopen(
                method,
                self.url + path,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=connect, read=read),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            return response, self._read(response) if is_bounded or response.status != 200 else b""
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise UnreachableError(
                f"{self.url} is not reachable: {str(error)[:200] or type(error).__name__}"
            ) from error

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        """The whole answer; one that is too long costs the connection and counts as none."""
        content = response.read(LONGEST_ANSWER + 1)
        if len(content) > LONGEST_ANSWER:
            response.close()
            raise UnreachableError(f"{self.url} sent an answer without end")
        response.drain_conn()
        response.release_conn()
        return content

    def _judge(self, response: urllib3.BaseHTTPResponse, content: bytes) -> dict[str, Any]:
        """The answer's JSON object, or the error that its status means."""
        answer = _json_object(content)
        if 200 <= response.status < 300:
            if answer is None:
                raise UnreachableError(f"{self.url} does not answer like an AI Manager")
            return answer
        if response.status < 400:
            target = str(response.headers.get("Location"))[:200]
            raise UnreachableError(f"{self.url} redirects to {target}; use that as api_url")
        from_api = answer is not None and isinstance(answer.get("detail"), str) and response.status != 407
        detail = str(answer["detail"])[:500] if answer and from_api else "no AI Manager's answer"
        if response.status in (401, 403, 407) and not from_api:
            # A gateway, a captive portal, a proxy that wants a password: a fault of the network, which may pass.
            raise UnreachableError(f"something between here and {self.url} answered {response.status}")
        if response.status == 401:
            what = "the API key" if self._settings.api_key else "this user name and password"
            raise AuthenticationError(f"{self.url} does not accept {what} ({detail})")
        retry_after = _retry_after(response.headers.get("Retry-After"))
        raise ServerError(response.status, detail, retry_after, from_api)


class Answer:
    """A long answer, read piece by piece; to be closed by whoever opened it."""

    def __init__(self, response: urllib3.BaseHTTPResponse, url: str) -> None:
        self._response, self._url = response, url

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def header(self, name: str) -> str | None:
        """A header's value, or None."""
        value = self._response.headers.get(name)
        return None if value is None else str(value)

    def read(self, size: int | None = None) -> bytes:
        """The next `size` bytes, or all the rest. Raises UnreachableError when the answer ends before."""
        import urllib3

        try:
            content = self._response.read(size)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(f"{self._url} broke off in the middle of an answer") from error
        if size is not None and len(content) != size:
            raise UnreachableError(f"{self._url} broke off in the middle of an answer")
        return content

    def json(self, kind: type[T]) -> T:
        """The whole answer, a list or an object of JSON. Raises UnreachableError when it is none."""
        try:
            answer = json.loads(self.read())
        except ValueError:
            answer = None
        if not isinstance(answer, kind):
            raise UnreachableError(f"{self._url} does not answer like an AI Manager")
        return answer


def _connections(url: str) -> Any:
    """Connections to a server, through the proxy and with the certificates that the environment names."""
    import encodings.idna  # noqa: F401 - the first connection would import the codec of host names in the background
    from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

    import urllib3

    parts = urlsplit(url)
    options: dict[str, Any] = {"num_pools": 2, "maxsize": 2, "blocksize": PIECE}
    if parts.scheme == "https":
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
        if bundle:
            options["ca_cert_dir" if os.path.isdir(bundle) else "ca_certs"] = bundle
        certificate = os.environ.get("AI_MANAGER_CLIENT_CERT")
        if certificate:
            options["cert_file"] = certificate
            options["key_file"] = os.environ.get("AI_MANAGER_CLIENT_KEY") or None
    proxies = getproxies_environment()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass_environment(parts.netloc, proxies):
        return urllib3.PoolManager(**options)
    proxy_parts = urlsplit(proxy if "://" in proxy else "http://" + proxy)
    headers = None
    if proxy_parts.username:
        who = f"{unquote(proxy_parts.username)}:{unquote(proxy_parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=who)
    address = f"{proxy_parts.scheme}://{proxy_parts.netloc.rpartition('@')[2]}"
    return urllib3.ProxyManager(address, proxy_headers=headers, **options)


def whole(answer: dict[str, Any], key: str) -> int:
    """A number that the answer must hold to be this server's; without it nothing counts as done."""
    value = answer.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreachableError(f"the answer does not look like an AI Manager's: no {key!r} in it")
    return value


def _json_object(content: bytes) -> dict[str, Any] | None:
    """The object that an answer holds; an empty answer holds an empty one, anything else None."""
    try:
        answer = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _retry_after(value: str | None) -> float | None:
    """Seconds that the server asks to wait, given as a number or as a date."""
    if not value:
        return None
    try:
        wait = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return None
        wait = (when.astimezone(timezone.utc) - datetime.now(timezone.utc)).total_seconds()
    return min(max(wait, 0.0), LONGEST_WAIT) if wait == wait else None
