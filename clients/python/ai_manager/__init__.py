"""Log the metrics of machine-learning runs to an AI Manager server.

    from ai_manager import AIManager

    manager = AIManager(project_name="digits", api_key="aimgr_...")
    with manager.run(name="first try", config={"lr": 0.01}) as run:
        for step in range(1000):
            run.log({"train/loss": loss}, step=step)

Logging never waits for the server and never raises because of it. What was logged is on disk when `log` returns; a
background thread sends it, tries again when the server is away, and sees to it that every point arrives once.
"""

from ai_manager import _handles  # noqa: F401 - a run can be pickled from then on
from ai_manager._ends import finish_on_signal
from ai_manager._manager import AIManager
from ai_manager._reading import History, MetricSummary, RunRecord, Runs
from ai_manager._run import Run
from ai_manager._version import __version__
from ai_manager.errors import (
    AIManagerError,
    AuthenticationError,
    ConfigurationError,
    ServerError,
    StopRequested,
    UnreachableError,
)

__all__ = [
    "AIManager",
    "AIManagerError",
    "AuthenticationError",
    "ConfigurationError",
    "History",
    "MetricSummary",
    "Run",
    "RunRecord",
    "Runs",
    "ServerError",
    "StopRequested",
    "UnreachableError",
    "__version__",
    "finish_on_signal",
]
