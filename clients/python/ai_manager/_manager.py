"""The door: a project on a server, and the runs that are begun in it."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from ai_manager import _settings
from ai_manager._capture import PARTS
from ai_manager._capture import chosen as chosen_parts
from ai_manager._config import Settings as Config
from ai_manager._notices import Notices
from ai_manager._reading import Reader, RunRecord, Runs
from ai_manager._run import Run, warn_of_lost
from ai_manager._sending.sender import Sender
from ai_manager._spool.folder import Folder, root
from ai_manager._transport import Transport
from ai_manager._values import clean_tags, label
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
    ) -> Run:
        """Begin a run. `config` is whatever holds settings: a mapping, a namespace, a dataclass, the objects of OmegaConf,
        pydantic, attrs and others. With `total_steps` the run's page shows how far it is. `capture` (or AI_MANAGER_CAPTURE)
        says what is captured around the run: "all", "none", or some of "git", "environment", "system" and "console".

        `key` is a name of one's own, by which a later script goes on with this run: with `resume="allow"` it does if there
        is one, with "must" there has to be one, with "never" (the default) a key that is taken is not used. "auto" takes
        the job of Slurm or torchrun as the key, so that a job that is requeued goes on with its run. Steps count on from the
        last one of the run.

        Returns at once; the run appears on the server as soon as that is reached. One that may go on waits for the server's
        answer, 4 s at most.
        """
        parts = self._parts(capture)
        named = _resumption(key, resume)
        settings = Config(config)
        described: dict[str, Any] = {"config": settings.value, "tags": clean_tags(tags or ())}
        if name and label(name):
            described["name"] = label(name)
        if total_steps is not None:
            described["total_steps"] = total_steps
        described.update(named)
        facts = {
            "server": self._transport.url,
            "project": self.project_name,
            "key": uuid.uuid4().hex,  # Makes the creation of the run harmless to repeat, whoever does it.
            "run": described,
            "mode": self.mode,
            "inherited": False,
            "run_id": None,
            "created": time.time(),
        }
        run = Run(facts, None if self.mode == "disabled" else self._sender, self._transport.url)
        warn_of_lost(settings, run._notices)
        run._open()
        if named.get("resume", "never") != "never":
            run._go_on()
        run._begin_capture(parts, self._transport.secrets)
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


def _resumption(key: str | None, resume: str | None) -> dict[str, str]:
    """The fields by which a run goes on with an earlier one. Raises ConfigurationError."""
    if resume not in (None, "never", "allow", "must", "auto"):
        raise ConfigurationError(f"resume is one of never, allow, must, auto; not {resume!r}")
    if resume == "auto":
        resume = "allow"
        key = key or _job()
        if key is None:
            return {}
    if key is None:
        if resume in ("allow", "must"):
            raise ConfigurationError(f"resume={resume!r} needs a key")
        return {}
    if not label(key) or label(key) != key:
        raise ConfigurationError("a key has 1 to 200 printable characters")
    return {"key": key, "resume": resume or "never"}


def _job() -> str | None:
    """The job that this process belongs to, under a name that stays when it is started again."""
    job, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    if job and task:
        return f"slurm-{job}-{task}"
    if os.environ.get("SLURM_JOB_ID"):
        return f"slurm-{os.environ['SLURM_JOB_ID']}"
    torchrun = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    return None if torchrun == "none" else f"torchrun-{torchrun}"


def _manager_again(project_name: str, url: str, mode: str) -> AIManager:
    """What a pickled manager becomes: without credentials in the environment, one whose runs the parent sends."""
    settings = _settings.resolve(url)
    return AIManager(project_name, url, mode=mode if settings.has_credentials or mode != "online" else None)
