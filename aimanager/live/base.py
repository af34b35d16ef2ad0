"""The live bus tells every server process that there is something new to look at.

A message is a *topic* and nothing else: `run:7` (new points), `run-facts:7` (its name, status, tags or
config changed), `run-marks:7` (the marks in its charts changed), `run-logs:7` (its console has more lines),
`run-alerts:7` and `project-alerts:3` (there is a new alert), `project:3` (its list of runs changed), `user:5` (the
user's rights changed), `watched:7` (somebody looks at this run). The database stays the truth; a lost message only makes a viewer wait for the
next look.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable

log = logging.getLogger(__name__)

Listener = Callable[[str], None]


class LiveBus(ABC):
    """Publish after the commit; subscribers in any process get the topic soon, or never.

    `publish` never blocks and never raises, whatever became of the other processes or of the network between.
    Listeners are called on any thread and must return at once.
    """

    shared = False
    """Whether other processes may publish, so that a message can be lost on its way."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def subscribe(self, listener: Listener) -> None:
        """Call `listener(topic)` for every topic from now on."""
        self._listeners = (*self._listeners, listener)

    def publish(self, topic: str) -> None:
        """Wake this process's listeners at once and the other processes' soon."""
        self._notify(topic)
        self._forward(topic)

    @property
    def healthy(self) -> bool:
        """Whether other processes can be reached at present."""
        return True

    def close(self) -> None:
        """Neither publish nor deliver anything any more."""
        self._listeners = ()

    @abstractmethod
    def _forward(self, topic: str) -> None:
        """Pass a topic on to the other processes without waiting for them."""

    def _notify(self, topic: str) -> None:
        for listener in self._listeners:
            try:
                listener(topic)
            except Exception:  # One bad listener must not cost the writer its answer or the others their wake-up.
                log.exception("A listener failed on %s", topic)
