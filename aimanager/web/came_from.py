"""Which list of runs one came from to a run's page: the `from` of its address, which is a query of the project's page."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from flask import request
from werkzeug.datastructures import MultiDict

from ..models import Run
from ..services.run_list.filters import Filter
from ..services.run_list.neighbours import Neighbours, neighbours
from . import address, list_request

DECIDES = ("q", "sort")  # All of a query that says which runs are listed, and in what order.
LONGEST = 2000


def this_list() -> str:
    """The query of the links from the project's page to its runs, with its `?`; none where the list is all runs, newest first."""
    args = address.args()
    query = urlencode([(name, value) for name in DECIDES for value in args.getlist(name) if value])
    return "?" + urlencode({"from": query}) if query and query != "sort=-created" else ""


def beside(run: Run) -> Neighbours:
    """The runs before and after this one in the list that one came from; a list that cannot be understood is all runs."""
    query = parse_qsl(request.args.get("from", "")[:LONGEST])
    listed = list_request.read(MultiDict([(name, value) for name, value in query if name in DECIDES]))
    return neighbours(run, listed.order, listed.where or Filter())
