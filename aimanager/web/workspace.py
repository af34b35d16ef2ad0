"""How a project's page shares its space between the table of runs and their charts, as its address says."""

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import MultiDict

LAYOUTS = ("table", "both", "charts")
SPLIT = 45  # Percent that the table takes.
NARROWEST, WIDEST = 15, 85


def layout(args: MultiDict[str, str]) -> dict[str, Any]:
    """`layout` is what is shown, `split` the table's part in percent; `x` and `log` are those of the charts."""
    name = args.get("layout", "both")
    split = args.get("split", SPLIT, int)
    return {
        "layout": name if name in LAYOUTS else "both",
        "split": min(max(split, NARROWEST), WIDEST),
        "x": args.get("x", "step"),
        "log": args.get("log") == "1",
    }
