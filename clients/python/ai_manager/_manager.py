"""The door: a project on a server, and the runs that are begun in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ai_manager import _settings
from ai_manager._beginning import Description, begin, fork_of, new_identity
from ai_manager._capture import PARTS
from ai_manager._capture import chosen as chosen_parts
from ai_manager._identity import Place, identify
from ai_manager._notices import Notices
from ai_manager._reading import Reader, RunRecord, Runs
from ai_manager._run import Run
from ai_manager._sending.sender import Sender
from ai_manager._spool.folder import Folder, root
from ai_manager._transport import Transport
from ai_manager._values import label
from ai_manager.errors import ConfigurationError, UnreachableError


class AIManager:
    """A project on an AI Manager server, looked up by its name or created.

    Give `username` and `password`, or an `api_key`; what is not given is taken from the environment variables
    AI_MANAGER_URL and AI_MANAGER_API_KEY, and then from `ai-manager login`. `mode` (or AI_MANAGER_MODE) is "online", "offline": runs are kept on disk
    until `ai-manager sync` sends them, or "disabled": nothing is kept. Without credentials it is offline. A malformed
    address raises ConfigurationError here and now. The server itself is spoken to in the background: when it is away,
    or does not accept the credentials, training continues and one warning says so. Call `check()` to find out before
    training starts.
    """

    def __init__(
        self,
        project_name: str,
        api_url: str | None = None,
        username: str | None = None,
        password: str | None = None,
        api_key: str | None = None,
        mode: str | None = None,
    ) -> None:
        if not isinstance(project_name, str) or not project_name.strip():
            raise ConfigurationError("project_name is missing")
        if label(project_name) != project_name.strip():
            raise ConfigurationError("project_name has more than 200 characters, or some that cannot be printed")
        settings = _settings.resolve(api_url, username, password, api_key)
        chosen = _settings.mode_of(mode)
        if chosen == "online" and not settings.has_credentials:
            raise ConfigurationError("no credentials: " + _settings.HOW)
        self.project_name = project_name
        self.mode = chosen or ("online" if settings.has_credentials else "offline")
        self._notices = Notices()
        self._transport = Transport(settings)
        self._sender = Sender(self._transport if self.mode == "online" else None, project_name, self._notices)
        self._place = Place(self._transport.url, project_name)
        self._has_adopted = False
        if self.mode == "offline":
            self._notices.once(
                "offline", "offline: runs are kept in %s; `ai-manager sync` brings them to a server", root()
            )
        elif self.mode == "online":
            if settings.bare:
                self._notices.once("bare", "credentials travel unprotected to %s; use https", settings.url)
            self._sender.find_project()

    def __repr__(self) -> str:
        return f"AIManager(project_name={self.project_name!r}, api_url={self._transport.url!r}, mode={self.mode!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Without credentials: another process takes those of its environment."""
        return _manager_again, (self.project_name, self._transport.url, self.mode)

    def run(
        self,
        name: str | None = None,
        config: Any = None,
        tags: Iterable[str] | None = None,
        total_steps: int | None = None,
        capture: str | Iterable[str] | bool | None = None,
        key: str | None = None,
        resume: str | None = None,
        id: int | str | None = None,  # noqa: A002 - what it is called everywhere else
        shared: bool | None = None,
        rank: int | None = None,
    ) -> Run:
        """Begin a run. `config` is whatever holds settings: a mapping, a namespace, a dataclass, the objects of OmegaConf,
        pydantic, attrs and others. With `total_steps` the run's page shows how far it is. `capture` (or AI_MANAGER_CAPTURE)
        says what is captured around the run: "all", "none", or some of "git", "environment", "system" and "console".

        `id` (or AI_MANAGER_RUN_ID) is the number of a run that goes on. `key` is a name of one's own, by which a later script
        goes on with this run: with `resume="allow"` it does if there is one, with "must" there has to be one, with "never"
        (the default) a key that is taken is not used. "auto" takes the job of Slurm or torchrun as the key, so that a job that
        is requeued goes on with its run. Steps count on from the last one of the run. A run that cannot go on is a new one,
        with a warning.

        With `shared=True` several processes log to one run: the ranks of a job that all call this, and the processes that
        they start and that call it in the same project. The first, of rank 0, says what the run is and how it ends. `rank` is
        known under torchrun, Slurm and MPI. With `shared=False` a process begins a run of its own in any case.

        Returns at once; the run appears on the server as soon as that is reached. One that may go on waits for the server's
        answer, 4 s at most.
        """
        parts = self._parts(capture)
        identity = identify(self._place, self._notices, id, key, resume, shared, rank)
        description = Description(name, config, tags, total_steps)
        run = begin(self._place, self.mode, self._sender, identity, description)
        if identity.continues or identity.asked.get("resume", "never") != "never":
            run._go_on()
        return self._begun(run, parts, identity.is_joined)

    def fork_run(
        self,
        from_run: Run | RunRecord | int | str,
        step: int,
        name: str | None = None,
        config: Any = None,
        tags: Iterable[str] | None = None,
        capture: str | Iterable[str] | bool | None = None,
    ) -> Run:
        """Begin a run that has the points of another one, of which the number does as well, with steps up to `step`, that one
        included, and counts on from there. It has the config of the other one with `config` merged in, and its tags unless
        it is given some. A run that cannot be forked is a new one, with a warning. Returns at once.
        """
        parts = self._parts(capture)
        fork = fork_of(from_run, step)
        description = Description(name, config, tags)
        if tags is None:
            del description.fields["tags"]
        run = begin(self._place, self.mode, self._sender, new_identity(), description, fork)
        return self._begun(run, parts)

    def _begun(self, run: Run, parts: frozenset[str], is_joined: bool = False) -> Run:
        """The run, with what is captured around it; and what others left is sent."""
        run._begin_capture(parts, self._transport.secrets, run.rank, is_joined)
        if not self._has_adopted:
            self._has_adopted = True
            self._sender.adopt(self._is_ours)
        return run

    def _parts(self, capture: str | Iterable[str] | bool | None) -> frozenset[str]:
        """What to capture. A mistake in the environment does not stop a training."""
        try:
            return chosen_parts(capture)
        except ConfigurationError as error:
            if capture is not None:
                raise
            self._notices.once("capture", "AI_MANAGER_CAPTURE: %s; everything is captured", error)
            return frozenset(PARTS)

    def _is_ours(self, folder: Folder) -> bool:
        """Whether a spool that a process left is for this server, and was meant to be sent."""
        return folder.facts.get("server") == self._transport.url and folder.facts.get("mode") == "online"

    def check(self) -> dict[str, Any]:
        """Ask the server who we are: the user's record. Raises what is wrong, in one sentence.

        AuthenticationError: the credentials are not accepted. UnreachableError: no AI Manager answers at this
        address. ServerError: it answers with an error.
        """
        user = self._transport.call("GET", "/auth/me")
        if "username" not in user:
            raise UnreachableError(f"{self._transport.url} does not answer like an AI Manager")
        self._sender.resume()
        return user

    def sign_in(self, username: str | None = None, password: str | None = None, api_key: str | None = None) -> None:
        """Use other credentials from now on, for all runs of this manager: after a password was changed, a key replaced."""
        self._transport.sign_in_as(_settings.resolve(self._transport.url, username, password, api_key))
        self._sender.resume()

    def runs(
        self,
        filter: str | None = None,  # noqa: A002 - what it is called everywhere else
        sort: str | Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Runs:
        """The project's runs with the summaries of their metrics: to go through, or `.to_pandas()`, `.to_polars()`,
        `.to_arrow()`. They are those that the server has; newest first without `sort`.

        `filter` is in the language of the search box (`val/acc > 0.9 and config.lr = 0.001`), `sort` one key or several
        (`"-metrics.val/acc.max"`). What is wrong with them is said by a ServerError when the runs are fetched.
        """
        reader = Reader(self._transport)
        project_id = self._sender.project_id or reader.project_id(self.project_name)
        return Runs(reader, project_id, filter, sort, limit)

    def get_run(self, run_id: int) -> RunRecord:
        """A run, of any project, by its number. Raises ServerError when there is none."""
        return Reader(self._transport).run(run_id)

    @property
    def project_id(self) -> int | None:
        """The project's number; None until the server was reached. Waits for it 4 s at most."""
        self._sender.wait_until(lambda: self._sender.project_id is not None)
        return self._sender.project_id

    @property
    def url(self) -> str | None:
        """The address of the project's page, as soon as it has an id."""
        return None if self.project_id is None else f"{self._transport.url}/app/projects/{self.project_id}"


def _manager_again(project_name: str, url: str, mode: str) -> AIManager:
    """What a pickled manager becomes: without credentials in the environment, one whose runs the parent sends."""
    settings = _settings.resolve(url)
    return AIManager(project_name, url, mode=mode if settings.has_credentials or mode != "online" else None)
