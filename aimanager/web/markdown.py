"""Notes in Markdown, made safe: rendered on the server, then cut down to a list of harmless tags."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

# No raw HTML, and no images: a picture from elsewhere would tell its host who reads the notes.
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20}).enable("table").disable("image")
_TAGS = {
    "a", "p", "br", "hr", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li",
    "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_LOWER = {"h1": "h3", "h2": "h4"}


def rendered(text: str) -> Markup:
    """Safe HTML. The page has its own first headings, so those of the notes begin two levels lower."""
    tokens = _markdown.parse(text)
    for token in tokens:
        token.tag = _LOWER.get(token.tag, token.tag)
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(
        html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow",
    )  # fmt: skip
    return Markup(clean)  # noqa: S704 (nh3 has just cleaned it)
