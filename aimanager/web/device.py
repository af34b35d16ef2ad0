"""What a browser or a script calls itself, in two or three words."""

from __future__ import annotations

import re

from .blueprint import web

# The first that is found counts: the later ones are in the words of the earlier, too.
PROGRAMS = {
    "Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "HeadlessChrome/": "Chrome", "Chrome/": "Chrome",
    "Safari/": "Safari", "ai-manager": "Python client", "python": "Python", "curl/": "curl",
}  # fmt: skip
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


@web.app_template_filter("device")
def device(agent: str) -> str:
    """`Firefox on Linux`; of what is not known, its first word."""
    program = next((name for part, name in PROGRAMS.items() if part.lower() in agent.lower()), "")
    system = next((name for part, name in SYSTEMS.items() if part in agent), "")
    if not program:
        first = re.match(r"[\w .-]{1,40}", agent)
        return first[0].strip() if first else "Unknown"
    return f"{program} on {system}" if system else program
