"""How a run begins in this process, whichever it is."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

from ai_manager import _identity
from ai_manager._config import Settings
from ai_manager._identity import Identity, Place
from ai_manager._notices import Notices
from ai_manager._reading import RunRecord
from ai_manager._run import Run
from ai_manager._run_config import warn_of_lost
from ai_manager._sending.creation import fork_request
from ai_manager._sending.sender import Sender
from ai_manager._values import clean_tags, integer, label
from ai_manager.errors import ConfigurationError


class Description:
    """What a script says of its run at the start, as the server takes it. Raises ConfigurationError for tags that are none."""

    def __init__(self, name: Any, config: Any, tags: Iterable[str] | None, total_steps: int | None = None) -> None:
        self.settings = Settings(config)
        self.fields: dict[str, Any] = {"config": self.settings.value, "tags": clean_tags(tags or ())}
        if name and label(name):
            self.fields["name"] = label(name)
        if total_steps is not None:
            self.fields["total_steps"] = total_steps


class Fork(NamedTuple):
    """Where a run branches off. The parent is known by its number, or by what made it and its place in its log."""

    run_id: int | None
    step: int
    parent: Run | None = None

    def facts(self, key: str, fields: dict[str, Any]) -> dict[str, Any] | None:
        """As the spool of the run of this key has it. It is made where the parent's log says so: after what was logged until
        now, and before what is logged or taken back later. None for a parent that is nowhere, because it is disabled."""
        delivery = self.parent._delivery if self.parent else None
        if delivery is None and self.run_id is None:
            return None
        if self.parent is None or delivery is None or delivery.spool is None:
            return {"run_id": self.run_id, "key": None, "run": {}, "step": self.step, "place": (0, 0)}
        asked = {"key": key, "request": fork_request(fields, self.step)}
        delivery.spool.fact({"kind": "fork", "value": asked}, is_alone=True)
        made_by = {"key": self.parent._facts["key"], "run": self.parent._facts["run"]}
        return {"run_id": delivery.run_id, **made_by, "step": self.step, "place": delivery.spool.cut_at}


def fork_of(from_run: Any, step: Any) -> Fork:
    """Raises ConfigurationError for what is no run and no step."""
    try:
        whole = integer(step)
    except Exception as error:
        raise ConfigurationError(f"a run is forked at a whole step, not {step!r:.80}") from error
    if not isinstance(whole, int):
        raise ConfigurationError(f"a run is forked at a whole step, not {step!r:.80}")
    if isinstance(from_run, Run):
        from_run._open()  # In a child process it may not be, yet.
        return Fork(from_run._facts.get("run_id"), whole, from_run)
    number = from_run.id if isinstance(from_run, RunRecord) else _identity.number(from_run)
    if number is None:
        raise ConfigurationError("from_run is a run, or the number of one")
    return Fork(number, whole)


def begin(
    place: Place, mode: str, sender: Sender, identity: Identity, description: Description, fork: Fork | None = None
) -> Run:
    """The run, its part of this process open; before anything is captured."""
    fields = description.fields
    facts = {
        "server": place.server,
        "project": place.project,
        "key": identity.key,
        # Of a shared run all processes say the same, whoever of them makes it; its owner says the rest.
        "run": {**({"config": {}, "tags": []} if identity.is_shared else fields), **identity.asked},
        "mode": identity.mode or mode,
        "inherited": identity.is_joined,
        "run_id": identity.continues if identity.is_joined else None,
        "continues": None if identity.is_joined else identity.continues,
        "fork": fork.facts(identity.key, fields) if fork else None,
        "created": time.time(),
    }
    if identity.is_joined and mode != facts["mode"] != "disabled":
        # This process has no credentials, say: it writes, and the run's owner sends.
        sender = Sender(None, place.project, Notices())
    is_disabled = "disabled" in (mode, facts["mode"])
    run = Run(facts, None if is_disabled else sender, place.server, identity.rank, fork.parent if fork else None)
    warn_of_lost(description.settings, run._notices)
    run._open()
    if identity.is_shared:
        sender.has_children = sender.has_children or not identity.is_joined
        _identity.export(place, mode, identity)
    if fork:
        run._last_step = fork.step
        if facts["fork"] is None and not is_disabled:
            run._notices.once("fork", "a run that is disabled cannot be forked; this one is new")
    elif not identity.is_joined:
        _say(run, fields, identity)
    return run


def _say(run: Run, fields: dict[str, Any], identity: Identity) -> None:
    """What the request that makes the run, or goes on with it, does not say."""
    if not (identity.is_shared or identity.continues):
        return
    run._config.update(fields["config"])
    run.tag(*fields["tags"])
    named = ("name", "total_steps") if identity.is_shared and not identity.continues else ("total_steps",)
    if changes := {field: fields[field] for field in named if field in fields}:
        run.say("set", changes)


def new_identity() -> Identity:
    """Of a run that nobody else writes."""
    return Identity(uuid.uuid4().hex, {})
