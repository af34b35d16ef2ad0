"""What must not leave the machine: keys, tokens and passwords, known by the names and the shapes that they have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

HIDDEN = "***"
SHORTEST = 8  # Characters of a value that is looked for in text: hiding each "1" or "true" would hide the text.

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ANYWHERE = {"password", "passwd", "passphrase", "secret", "secrets", "credential", "credentials", "apikey", "dsn"}
_LAST = {"pass", "pwd", "token", "auth", "authorization", "cookie", "pat"}
_OF_TEXT = {"pad", "eos", "bos", "unk", "mask", "cls", "sep", "stop", "special", "image", "next", "per", "start", "end"}

_SHAPES = re.compile(
    r"\b(?:sk|pk|rk)-[\w-]{20,}"
    r"|\bgh[pousr]_\w{30,}|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20,}"
    r"|\bhf_[A-Za-z0-9]{20,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bAIza[\w-]{35}"
    r"|\bxox[abeoprs]-[\w-]{10,}"
    r"|\baimgr_[\w-]{16,}"
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}"  # A JSON web token.
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_ADDRESS = re.compile(r"\b([a-zA-Z][a-zA-Z0-9+.-]{1,20}://)([^\s/@'\"]{1,500})@")
_NAME = r"(?P<name>[\w.-]{0,40}?(?:pass|pwd|secret|token|key|credential|auth|dsn)\w{0,20})"
_ASSIGNED = [
    re.compile(rf"(?i)(?P<head>{_NAME}[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"'])[^\"'\n]+"),  # A quoted value, in code or JSON.
    re.compile(rf"(?i)(?P<head>[?&]{_NAME}=)[^\s&\"']+"),  # A query string.
    re.compile(rf"(?im)(?P<head>^[-+ ]?(?:export )?{_NAME}=)[^\s\"'(\[{{]+$"),  # A line of an .env file.
]


def is_secret(name: str) -> bool:
    """Whether a name says that its value is a secret: `api_key`, `HF_TOKEN`, `db.password`; not `max_tokens`, `sort`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words:
        return False
    if _ANYWHERE.intersection(words):
        return words[-1] not in ("file", "path")
    if words[-1] == "key":
        return len(words) > 1
    return words[-1] in _LAST and not (len(words) > 1 and words[-2] in _OF_TEXT)


def without_user(address: str) -> str:
    """An address without the user and password in it; `git@host:path` and `ssh://git@host` need theirs."""
    return _ADDRESS.sub(lambda found: found[0] if _is_plain_user(found) else found[1], address)


def mask(text: str) -> str:
    """Text with what has the shape of a secret hidden."""
    text = _ADDRESS.sub(lambda found: found[0] if _is_plain_user(found) else f"{found[1]}{HIDDEN}@", text)
    text = _SHAPES.sub(HIDDEN, text)
    for pattern in _ASSIGNED:
        text = pattern.sub(lambda found: found["head"] + HIDDEN if is_secret(found["name"]) else found[0], text)
    return text


def masked_arguments(arguments: Iterable[str]) -> list[str]:
    """A command line with the values of secret options hidden: `--api-key=...`, `--token ...`, `db.password=...`."""
    shown = []
    follows = False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if follows and not argument.startswith("--"):
            shown.append(HIDDEN)
            follows = False
            continue
        if equals and is_secret(name) and not re.search(r"\s", name):
            shown.append(f"{name}={HIDDEN}")
        else:
            shown.append(mask(argument))
        follows = argument.startswith("-") and not equals and is_secret(argument)
    return shown


def secret_values(environment: Mapping[str, str], more: Iterable[str | None] = ()) -> list[str]:
    """The values of environment variables with secret names, and some more, the longest first."""
    values = {value for name, value in environment.items() if is_secret(name)} | {value for value in more if value}
    return sorted((value for value in values if len(value) >= SHORTEST), key=len, reverse=True)


def _is_plain_user(found: re.Match[str]) -> bool:
    return ":" not in found[2] and not found[1].lower().startswith("http")
