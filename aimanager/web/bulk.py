"""One change to one or many runs, from the list of runs or the page of one."""

from __future__ import annotations

from flask import Response, g, request, url_for

from ..http.auth import requires
from ..services import bulk
from . import ids, toast
from .blueprint import web
from .forms import safe_next, see, text


@web.post("/app/runs/bulk")
@requires("write")
def bulk_runs() -> Response:
    """Nothing for the page to show: the list of runs is renewed by its socket, and a toast says what was done. A form that a
    browser sends by itself leads back to where it was."""
    run_ids = ids.read("ids", text("ids"), bulk.MOST)
    done = bulk.act(g.principal, text("action"), run_ids, text("value"))
    if request.headers.get("Sec-Fetch-Mode") != "navigate":
        return toast.say(done)
    back = safe_next(request.form.get("next")) or url_for("web.project", project_id=done.project_ids[0])
    return toast.say_on_next_page(see(back), done)
