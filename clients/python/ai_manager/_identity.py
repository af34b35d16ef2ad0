"""Which run a script begins: a new one, one that goes on, or one that several processes write together."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from typing import Any, NamedTuple

from ai_manager import _ends
from ai_manager._notices import Notices
from ai_manager._spool.lease import process_name
from ai_manager._values import label
from ai_manager.errors import ConfigurationError

RUN_ID = "AI_MANAGER_RUN_ID"  # The run that a script goes on with, set by whoever starts it.
SHARED = "AI_MANAGER_SHARED_RUN"  # Names a shared run to child processes.
_LAUNCHES = uuid.UUID("0d8a3a52-64cd-4d33-8f0e-3c1b6d7a9a44")
RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")


_begun: Counter[tuple[str, int]] = Counter()  # Runs of this process that it shares with the other ranks of its job.


class Identity(NamedTuple):
    """Which run it is, and who this process is in it."""

    key: str  # Makes the creation of the run harmless to repeat, whoever does it.
    asked: dict[str, str]  # The fields `key` and `resume` of the run.
    continues: int | None = None  # The run that goes on, by its number.
    rank: int | None = None
    is_shared: bool = False
    is_joined: bool = False  # Another process says how it ends.
    mode: str | None = None  # Of whoever began the run that is joined.


class Place(NamedTuple):
    """Where the run is to be."""

    server: str
    project: str


def identify(
    place: Place,
    notices: Notices,
    run_id: int | str | None = None,
    key: str | None = None,
    resume: str | None = None,
    shared: bool | None = None,
    rank: int | None = None,
) -> Identity:
    """Whatever arguments and environment say. Raises ConfigurationError for arguments that make no sense."""
    is_named = run_id is not None or key is not None or resume not in (None, "never")
    continues = number(run_id)
    if continues is not None and (key or resume):
        raise ConfigurationError("a run goes on by its id or by its key: give one of them")
    label_of_rank, rank = rank, _rank() if rank is None else rank
    asked = _resumption(key, resume, rank if shared is False else None)
    parent = _parent(place)
    if parent and shared is not False and (shared or not is_named):
        if label_of_rank is None and rank == parent["rank"]:
            rank = None  # It has it from the environment of the process that began the run.
        return Identity(parent["key"], _joining(parent["asked"]), parent["run_id"], rank, True, True, parent["mode"])
    if continues is None and not is_named:
        continues = _number_of_environment(notices)
    is_shared = bool(shared) or (shared is None and resume == "auto" and rank is not None and bool(asked))
    if not is_shared:
        return Identity(uuid.uuid4().hex, asked, continues, label_of_rank)
    launch = _launch()
    if rank is not None and launch is None and not (asked or continues):
        notices.once("launch", "these processes have no name in common, so each has a run: give a key, or --rdzv-id")
        return Identity(uuid.uuid4().hex, asked, continues, rank)
    if asked.get("resume") == "must":
        asked["resume"] = "allow"  # Who joins cannot wait to see whether the owner has found it.
    if rank is None:
        return Identity(uuid.uuid4().hex, asked, continues, None, True)
    name = "\n".join([*place, launch or "", *asked.values(), str(continues or "")])
    if not (asked or continues):
        _begun[name, rank] += 1  # A second one of the same process is another run, in all ranks alike.
        name += f"\n{_begun[name, rank]}"
    run_key = uuid.uuid5(_LAUNCHES, name).hex
    if rank:
        return Identity(run_key, _joining(asked), continues, rank, True, True)
    return Identity(run_key, asked, continues, rank, True)


def _joining(asked: dict[str, str]) -> dict[str, str]:
    """The fields for a process that takes part in a run that another one goes on with."""
    return {**asked, "resume": "join"} if asked.get("resume") == "allow" else asked


# Child processes.

_exported: list[str] = []  # What this process has put into its environment, and not its parent.


def export(place: Place, mode: str, identity: Identity) -> None:
    """Name a shared run to the processes that this one starts; one that it has joined is named already."""
    if identity.mode is not None:
        return
    told = {**place._asdict(), "mode": mode, "key": identity.key, "asked": identity.asked}
    text = json.dumps({**told, "run_id": identity.continues, "rank": identity.rank})
    _exported[:] = [text]
    os.environ[SHARED] = text


def withdraw(key: str) -> None:
    """The run has ended: what is started from now on is no part of it."""
    if _exported and json.loads(_exported[0])["key"] == key:
        if os.environ.get(SHARED) == _exported[0]:
            del os.environ[SHARED]
        _exported.clear()


_ends.forked.append(_exported.clear)


def _parent(place: Place) -> dict[str, Any] | None:
    """The run that the process which started this one shares, if it is of the same project."""
    text = os.environ.get(SHARED, "")
    if not text or text in _exported:
        return None
    try:
        told = json.loads(text)
        is_ours = (told["server"], told["project"]) == place
        names = ("key", "asked", "run_id", "rank", "mode")
        return {name: told[name] for name in names} if is_ours else None
    except (ValueError, KeyError, TypeError):
        return None


# Names.


def number(run_id: int | str | None) -> int | None:
    """The number of a run. Raises ConfigurationError for what is none."""
    if run_id is None:
        return None
    text = str(run_id).strip()
    if isinstance(run_id, bool) or not (text.isascii() and text.isdecimal() and 0 < int(text) < 2**63):
        raise ConfigurationError(f"id is the number of a run, not {run_id!r:.80}")
    return int(text)


def _number_of_environment(notices: Notices) -> int | None:
    """A mistake in the environment does not stop a training."""
    try:
        return number(os.environ.get(RUN_ID) or None)
    except ConfigurationError as error:
        notices.once("run id", "%s: %s; a new run begins", RUN_ID, error)
        return None


def _resumption(key: str | None, resume: str | None, rank: int | None) -> dict[str, str]:
    """The fields by which a run goes on with an earlier one. Raises ConfigurationError."""
    if resume not in (None, "never", "allow", "must", "auto"):
        raise ConfigurationError(f"resume is one of never, allow, must, auto; not {resume!r}")
    if resume == "auto":
        resume = "allow"
        job = _job()
        # Ranks that do not share a run each go on with their own.
        key = key or (f"{job}-rank{rank}" if job and rank is not None else job)
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


def _rank() -> int | None:
    """Which of the processes of a job this one is; None where there is one only."""
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS") or os.environ.get("SLURM_NTASKS") or "1"
    names = (*RANKS, "SLURM_PROCID") if tasks != "1" else RANKS
    return next((int(text) for name in names if (text := os.environ.get(name, "")).isdecimal()), None)


def _launch() -> str | None:
    """What the processes of one start of a job have in common and those of no other have; None where nothing is known."""
    words = {name: os.environ.get(name, "") for name in ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT")}
    if "RANK" in os.environ:
        names = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT")
        words.update({name: os.environ.get(name, "") for name in names})
        if words["TORCHELASTIC_RUN_ID"] in ("", "none") and not words["SLURM_JOB_ID"]:
            if os.environ.get("LOCAL_WORLD_SIZE") != os.environ.get("WORLD_SIZE"):
                return None
            words["launcher"] = process_name(os.getppid())
    elif not words["SLURM_JOB_ID"]:
        return None
    return json.dumps(words, sort_keys=True)
