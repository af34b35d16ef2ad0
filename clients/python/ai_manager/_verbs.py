"""The small verbs of a run: each is a fact in the spool, as durable as the points. None of them raises for what it is given."""

from __future__ import annotations

import functools
import time
import unicodedata
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from ai_manager._config import Settings as Config
from ai_manager._values import clean_tags, iso, label, metric_name, whole

LEVELS = ("info", "warning", "error")
ALERTS_A_MINUTE = 20  # The server takes 30, and what is said after one that it does not take yet waits behind it.
LONGEST_NOTES, LONGEST_ALERT = 60_000, 4_000  # As the server has it.
UNCHANGED = "unchanged"  # A goal or an x that is not given.

Verb = TypeVar("Verb", bound=Callable[..., None])


def never_raises(verb: Verb) -> Verb:
    """What is wrong with what a verb was given is said and not raised: training goes on."""

    @functools.wraps(verb)
    def call(run: Verbs, *values: Any, **named: Any) -> None:
        try:
            verb(run, *values, **named)
        except Exception as error:
            run._notices.again(("verb", verb.__name__), "%s() is left out: %r", verb.__name__, error)

    return call  # type: ignore[return-value]


class Verbs:
    """What a script says of its run in a word."""

    say: Callable[[str, Any], None]
    _notices: Any

    def __init__(self) -> None:
        self.summary = Summary(self)
        self._alerts: deque[float] = deque(maxlen=ALERTS_A_MINUTE)

    @never_raises
    def tag(self, *tags: str) -> None:
        """Add tags."""
        if words := clean_tags(tags):
            self.say("tags", words)

    @never_raises
    def untag(self, *tags: str) -> None:
        """Remove tags."""
        if words := clean_tags(tags):
            self.say("untag", words)

    @never_raises
    def note(self, text: str) -> None:
        """Set the notes of the run, in Markdown; what stood there before is replaced."""
        self.say("set", {"notes": prose(text, LONGEST_NOTES)})

    @never_raises
    def define(self, name: str, goal: str | None = UNCHANGED, x: str | None = UNCHANGED) -> None:
        """Say which way a metric gets better, `goal="max"` or "min", and what it is drawn against, `x="epoch"`.

        It holds for all runs of the project. What is not given stays as it is; None takes it back.
        """
        if goal not in (UNCHANGED, None, "min", "max"):
            raise ValueError(f'goal is "min" or "max", not {goal!r:.80}')
        definition = {key: value for key, value in (("goal", goal), ("x", x)) if value != UNCHANGED}
        self.say("define", {metric_name(name): definition})

    @never_raises
    def alert(self, title: str, text: str = "", level: str = "info") -> None:
        """Show an alert on the page of the run and of its project. `level` is "info", "warning" or "error".

        Of more than 20 in a minute the rest is left out, with a warning.
        """
        now = time.time()
        if len(self._alerts) == ALERTS_A_MINUTE and now - self._alerts[0] < 60.0:
            self._notices.again("alerts", "more than %d alerts in a minute; the rest is left out", ALERTS_A_MINUTE)
            return
        if level not in LEVELS:
            self._notices.once("level", "an alert is info, warning or error, not %.80r; taken as info", level)
            level = "info"
        self._alerts.append(now)
        body = {"title": label(title) or "Alert", "text": prose(text, LONGEST_ALERT), "level": level, "time": iso(now)}
        self.say("alert", body)


class Summary(dict[str, Any]):
    """Values of a run that are said once and not at a step: `run.summary["test/accuracy"] = 0.93`.

    Numbers, texts and truth values; anything else is kept as its text. It holds what this process has said.
    """

    def __init__(self, run: Verbs) -> None:
        super().__init__()
        self._run = weakref.ref(run)

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._say({name: None})

    def update(self, *values: Any, **named: Any) -> None:
        """Say several values at once, as of a `dict`."""
        said = {str(name): plain(value) for name, value in dict(*values, **named).items()}
        super().update(said)
        self._say(said)

    def _say(self, values: dict[str, Any]) -> None:
        run = self._run()
        if run is not None:
            run.say("summary", values)


def plain(value: Any) -> Any:
    """A number, a text, a truth value or None."""
    (kept,) = Config({"value": value}).value.values() or (None,)
    return kept if kept is None or isinstance(kept, (bool, int, float, str)) else str(kept)


def prose(text: Any, longest: int) -> str:
    """A text as the server takes it: tabs and line breaks stay, what else cannot be printed is left out."""
    letters = whole(str(text)[:longest])
    if letters.isprintable():
        return letters
    return "".join(one for one in letters if one in "\r\n\t" or unicodedata.category(one) not in ("Cc", "Cs"))
