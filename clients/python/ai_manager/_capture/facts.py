"""Where and how a run was started: command, Python, packages, machine, and who else takes part."""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import shlex
import socket
import sys
from collections.abc import Callable
from typing import Any

from ai_manager._capture.secrets import HIDDEN, is_secret, mask, masked_arguments

LONGEST_VALUE = 2_000  # Characters.
MOST_ARGUMENTS = 500
MOST_PACKAGES = 2_000

LAUNCHERS = (
    *("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"),
    *("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "TORCHELASTIC_MAX_RESTARTS", "ACCELERATE_MIXED_PRECISION"),
    *("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "PMI_RANK", "PMI_SIZE"),
)
SETTINGS = (
    *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "XLA_FLAGS"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTORCH_CUDA_ALLOC_CONF", "CUBLAS_WORKSPACE_CONFIG", "PYTHONHASHSEED"),
    *("CONDA_DEFAULT_ENV", "VIRTUAL_ENV"),
)
# A login shell on a Slurm machine has some of these, too: only a job has the first.
SLURM = (
    *("JOB_ID", "JOB_NAME", "ARRAY_JOB_ID", "ARRAY_TASK_ID", "JOB_NODELIST", "JOB_PARTITION", "JOB_ACCOUNT"),
    *("NNODES", "NODEID", "NTASKS", "PROCID", "LOCALID", "CPUS_PER_TASK", "GPUS_ON_NODE", "CLUSTER_NAME"),
    *("RESTART_COUNT", "SUBMIT_DIR", "SUBMIT_HOST"),
)


def facts() -> dict[str, Any]:
    """Everything that is known about how this process was started; what cannot be found out is left out."""
    parts: dict[str, Callable[[], Any]] = {
        "command": _command,
        "cwd": os.getcwd,
        "host": socket.gethostname,
        "user": getpass.getuser,
        "pid": os.getpid,
        "python": platform.python_version,
        "executable": lambda: sys.executable,
        "platform": platform.platform,
        "cpus": _cpus,
        "packages": packages,
        "notebook": _notebook,
        "slurm": lambda: _variables({name.lower(): f"SLURM_{name}" for name in SLURM}) if _in_slurm() else {},
        "launcher": lambda: _variables({name.lower(): name for name in LAUNCHERS}),
        "variables": lambda: _variables({name: name for name in SETTINGS}),
    }
    found = {}
    for name, read in parts.items():
        with contextlib.suppress(Exception):
            value = read()
            if value not in (None, "", {}, []):
                found[name] = value
    return found


def packages() -> dict[str, str]:
    """The installed packages and their versions, read off the names of their folders: opening each takes far longer."""
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            stem, kind = os.path.splitext(name)
            parts = stem.split("-")
            if kind in (".dist-info", ".egg-info") and len(parts) > 1:
                found.setdefault(parts[0].replace("_", "-"), parts[1])
    return dict(sorted(found.items(), key=lambda item: item[0].lower())[:MOST_PACKAGES])


def _command() -> str:
    """The command line, as a shell takes it."""
    words = getattr(sys, "orig_argv", None) or [sys.executable, *sys.argv]
    return shlex.join(word[:LONGEST_VALUE] for word in masked_arguments(words[:MOST_ARGUMENTS]))


def _cpus() -> int | None:
    """The processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count()


def _in_slurm() -> bool:
    return "SLURM_JOB_ID" in os.environ


def _variables(names: dict[str, str]) -> dict[str, str]:
    """Environment variables under shorter names."""
    return {
        short: HIDDEN if is_secret(name) else mask(os.environ[name])[:LONGEST_VALUE]
        for short, name in names.items()
        if os.environ.get(name)
    }


def _notebook() -> dict[str, str]:
    """Which kind of notebook this is, and its name where its server tells it."""
    if "ipykernel" not in sys.modules:
        return {}
    kind = "jupyter"
    if "google.colab" in sys.modules:
        kind = "colab"
    elif os.environ.get("KAGGLE_KERNEL_RUN_TYPE"):
        kind = "kaggle"
    main = sys.modules.get("__main__")
    path = getattr(main, "__vsc_ipynb_file__", None) or os.environ.get("JPY_SESSION_NAME")
    return {"kind": kind, "name": os.path.basename(path)} if path else {"kind": kind}
