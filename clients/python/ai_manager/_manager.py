"""The door: a project on a server, and the runs that are begun in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ai_manager import _settings
from ai_manager._channel import Channel
from ai_manager._notices import Notices
from ai_manager._run import Run, as_config
from ai_manager._sender import Sender
from ai_manager._transport import Transport
from ai_manager._values import LONGEST_TAG, MOST_TAGS, label
from ai_manager.errors import ConfigurationError


class AIManager:
    """A project on an AI Manager server, looked up by its name or created.

    Give `username` and `password`, or an `api_key`; what is not given is taken from the environment variables
    AI_MANAGER_URL and AI_MANAGER_API_KEY. A missing credential or a malformed address raises
    ConfigurationError here and now. The server itself is spoken to in the background: when it is away, or
    does not accept the credentials, training continues and one warning says so. Call `check()` to find out
    before training starts.
    """

    def __init__(
        self,
        project_name: str,
        api_url: str | None = None,
        username: str | None = None,
        password: str | None = None,
        api_key: str | None = None,
    ) -> None:
        if not isinstance(project_name, str) or not project_name.strip():
            raise ConfigurationError("project_name is missing")
        if label(project_name) != project_name.strip():
            raise ConfigurationError("project_name has more than 200 characters, or some that cannot be printed")
        settings = _settings.resolve(api_url, username, password, api_key)
        self.project_name = project_name
        self._notices = Notices()
        self._transport = Transport(settings)
        self._sender = Sender(self._transport, project_name, self._notices)
        if settings.bare:
            self._notices.once("bare", "credentials travel unprotected to %s; use https", settings.url)
        self._sender.wake()

    def __repr__(self) -> str:
        return f"AIManager(project_name={self.project_name!r}, api_url={self._transport.url!r})"

    def run(
        self,
        name: str | None = None,
        config: Any = None,
        tags: Iterable[str] | None = None,
        total_steps: int | None = None,
    ) -> Run:
        """Begin a run. `config` is a mapping, an argparse namespace or a dataclass of any settings; with `total_steps` its
        page shows how far it is.

        Returns at once; the run appears on the server as soon as that is reached.
        """
        if isinstance(tags, str):
            raise ConfigurationError("tags is a list of words, not one word")
        words = [word for word in (label(tag, LONGEST_TAG) for tag in tags or ()) if word]
        notices = Notices()
        channel = Channel(label(name or "") or None, as_config(config), words[:MOST_TAGS], notices)
        channel.total_steps = total_steps
        self._sender.add(channel)
        return Run(channel, self._sender, self._transport.url, notices)

    def check(self) -> dict[str, Any]:
        """Ask the server who we are: the user's record. Raises what is wrong, in one sentence.

        AuthenticationError: the credentials are not accepted. UnreachableError: no AI Manager answers at this
        address. ServerError: it answers with an error.
        """
        user = self._transport.call("GET", "/auth/me")
        self._sender.resume()
        return user

    @property
    def project_id(self) -> int | None:
        """The project's number; None until the server was reached. Waits for it 4 s at most."""
        self._sender.wait_until(lambda: self._sender.project_id is not None)
        return self._sender.project_id

    @property
    def url(self) -> str | None:
        """The address of the project's page, as soon as it has an id."""
        return None if self.project_id is None else f"{self._transport.url}/app/projects/{self.project_id}"
