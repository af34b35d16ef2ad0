"""What differs between a run and another one that is chosen for it: keys of the config, and where metrics ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import g, request

from ..errors import Forbidden, NotFound, Unauthorized
from ..models import Run
from ..services import runs
from ..services.compare import runs as compared
from ..services.compare.table import Row, table

MOST = 200  # Rows; the page that compares runs shows more.
RECENT = 100  # Runs that are offered.


@dataclass(frozen=True)
class Differences:
    """`config` and `metrics` have two cells a row, this run's with its delta to the other's. `more` rows are left out."""

    other: Run
    offered: Sequence[Run]
    config: Sequence[Row]
    metrics: Sequence[Row]
    more: int

    @property
    def namesakes(self) -> set[str]:
        """The names that several of the offered runs have."""
        names = [run.name for run in self.offered]
        return {name for name in names if names.count(name) > 1}


def differences(run: Run) -> Differences | None:
    """To the run that the address names with `than`, else to the one before this run; None where there is no other."""
    recent = runs.recent(run.project_id, RECENT + 1)
    offered = [one for one in recent if one.id != run.id][:RECENT]
    other = _asked(run) or runs.before(run) or next(iter(offered), None)
    if other is None:
        return None
    if other not in offered:
        offered.append(other)
    found = table(compared.find(g.principal, [run.id, other.id]), base=other.id, differing_only=True)
    config, metrics = ([row for row in found.rows if row.kind == kind] for kind in ("config", "metric"))
    more = max(0, len(config) - MOST) + max(0, len(metrics) - MOST)
    return Differences(other, offered, config[:MOST], metrics[:MOST], more)


def _asked(run: Run) -> Run | None:
    """The run of the address, if it may be read."""
    than: Any = request.args.get("than", type=int)
    if than is None or than == run.id or not 0 < than < 2**63:
        return None
    try:
        return runs.get(than, g.principal)
    except (NotFound, Forbidden, Unauthorized):
        return None
