"""What is said about a run besides points, as requests.

A record of kind "config" becomes a PUT of the run, one of kind "alert" a POST, and so on: one line in `CHANGES` or
`POSTS` for each kind. All of them may be sent twice: changes merge, and posts carry a key made of their place in the log.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ai_manager._transport import Transport
from ai_manager.errors import ServerError

# Kinds that change the run: what a record says is merged into one PUT under this field.
CHANGES = {
    "config": "config_update",
    "tags": "add_tags",
    "untag": "remove_tags",
    "summary": "summary",
    "environment": "environment",
    "set": None,  # Fields of the run as they are: name, notes, total_steps.
    "finish": None,  # Status, and how the process ended.
}
# Kinds that add something to the run, by the path below it.
POSTS = {"alert": "alerts", "rewind": "rewind"}
PUTS = {"define": "definitions"}
REWIND = "/rewind"
LINES = "/logs"  # Where console output goes, of the kind "lines".
LARGEST_LINES = 1 << 20  # Characters of it in a request, and entries: what proxies let through, packed.
MOST_LINES = 5_000


class Request(NamedTuple):
    """One request that says something about a run, below its own address."""

    method: str
    path: str
    body: dict[str, Any]
    key: str | None = None


def requests_of(facts: list[dict[str, Any]], key: str, inherited: bool, depth: int = 0) -> list[Request]:
    """The facts of a window in order, changes in a row as one. A child process neither ends the run nor rewinds it.

    Batches of console output are `depth` times halved.
    """
    requests: list[Request] = []
    room = _Room(depth)
    for place, fact in enumerate(facts):
        kind = fact.get("kind")
        body: Any = fact.get("value") or {}
        if kind in ("finish", "rewind") and inherited:
            continue
        if kind in CHANGES:
            field = CHANGES[kind]
            change = {field: body} if field else dict(body)
            if requests and requests[-1].method == "PUT" and not requests[-1].path:
                _merge(requests[-1].body, change)
            else:
                requests.append(Request("PUT", "", change))
        elif kind in POSTS:
            requests.append(Request("POST", "/" + POSTS[kind], body, f"{key}-{place}"))
        elif kind == "fork":
            # Here in the order of what its parent logged; the fork itself asks again with this key, and finds it made.
            requests.append(Request("POST", "/fork", body["request"], body["key"]))
        elif kind in PUTS:
            requests.append(Request("PUT", "/" + PUTS[kind], body))
        elif kind == "lines":
            if room.take(body) and requests and requests[-1].path == LINES:
                requests[-1].body["lines"].extend(body)
            else:
                room.begin(body)
                requests.append(Request("POST", LINES, {"lines": list(body)}))
    return requests


class _Room:
    """What still fits into a request with console output."""

    def __init__(self, depth: int) -> None:
        self._most, self._largest = max(1, MOST_LINES >> depth), LARGEST_LINES >> depth
        self._lines = self._size = 0

    def begin(self, lines: list[dict[str, Any]]) -> None:
        """Another request, that has these."""
        self._lines, self._size = len(lines), _size(lines)

    def take(self, lines: list[dict[str, Any]]) -> bool:
        """Whether these fit too."""
        self._lines, self._size = self._lines + len(lines), self._size + _size(lines)
        return self._lines <= self._most and self._size <= self._largest


def _size(lines: list[dict[str, Any]]) -> int:
    return sum(len(line["text"]) for line in lines)


def halves(request: Request) -> list[Request]:
    """Console output as two requests, named by an "0" and a "1" more; one line alone stays one."""
    lines, part = request.body["lines"], request.key or ""
    if len(lines) == 1:
        # What was printed at once is one entry of many lines; its last newline is its own.
        line, texts = lines[0], lines[0]["text"].split("\n")
        pieces = ["\n".join(texts[: len(texts) // 2]), "\n".join(texts[len(texts) // 2 :])]
        lines = [{**line, "text": piece} for piece in pieces] if all(pieces) else lines
    middle = len(lines) // 2
    if not middle:
        return [request]
    return [
        request._replace(body={"lines": half}, key=part + name)
        for name, half in (("0", lines[:middle]), ("1", lines[middle:]))
    ]


def _merge(before: dict[str, Any], change: dict[str, Any]) -> None:
    for field, value in change.items():
        if field in ("config_update", "summary", "environment") and field in before:
            before[field] = {**before[field], **value}
        elif field in ("add_tags", "remove_tags"):
            other = "remove_tags" if field == "add_tags" else "add_tags"
            if other in before:
                before[other] = [tag for tag in before[other] if tag not in value]
            before[field] = [*dict.fromkeys([*before.get(field, []), *value])]
        else:
            before[field] = value


def send(transport: Transport, run_id: int, request: Request) -> None:
    """Send a request about a run. A server that does not know a field yet gets the change in the old way, or not at all."""
    path = f"/runs/{run_id}{request.path}"
    try:
        transport.call(request.method, path, request.body, key=request.key)
    except ServerError as error:
        if request.path or not error.is_refusal:
            raise
        older = _in_the_old_way(transport, path, request.body)
        if older == request.body:
            raise
        if older:
            transport.call("PUT", path, older)


def _in_the_old_way(transport: Transport, path: str, change: dict[str, Any]) -> dict[str, Any]:
    """The same change with fields that every server takes."""
    older: dict[str, Any] = {
        field: change[field] for field in ("status", "name", "notes", "total_steps") if field in change
    }
    if "config_update" in change or "add_tags" in change or "remove_tags" in change:
        run = transport.call("GET", path)
        if "config_update" in change:
            older["config"] = {**(run.get("config") or {}), **change["config_update"]}
        tags = [*dict.fromkeys([*(run.get("tags") or []), *change.get("add_tags", [])])]
        gone = change.get("remove_tags", [])
        if "add_tags" in change or gone:
            older["tags"] = [tag for tag in tags if tag not in gone]
    return older
