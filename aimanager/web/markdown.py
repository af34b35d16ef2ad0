"""Notes in Markdown, made safe: rendered on the server, then cut down to a list of harmless tags."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

# The parser leaves out what is nested deeper than this; its work grows with it, for brackets that never close.
DEEPEST = 20

_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": DEEPEST}).enable("table")
_TAGS = {
    "a", "p", "br", "hr", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li",
    "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_LOWER = {"h1": "h3", "h2": "h4"}


def rendered(text: str) -> Markup:
    """Safe HTML. The page has its own first headings, so those of the notes begin two levels lower.

    Notes that are nested too deep to be parsed as a whole are shown as they were written.
    """
    tokens = _markdown.parse(text)
    if any(token.nesting == 1 and token.level >= DEEPEST - 1 for token in tokens):
        return Markup("<pre>{}</pre>").format(escape(text))
    for token in tokens:
        token.tag = _LOWER.get(token.tag, token.tag)
        if token.children:
            token.children = _without_images(token.children)
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(
        html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow",
    )  # fmt: skip
    return Markup(clean)  # noqa: S704 (nh3 has just cleaned it)


def _without_images(tokens: list[Token]) -> list[Token]:
    """Links instead of pictures: a picture from elsewhere would tell its host who reads the notes."""
    shown: list[Token] = []
    within_link = 0
    for token in tokens:
        within_link += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type != "image":
            shown.append(token)
            continue
        address = str(token.attrGet("src") or "")
        words = "".join(child.content for child in token.children or ()) or address
        label = Token("text", "", 0, content=words)
        link = [Token("link_open", "a", 1, attrs={"href": address}), label, Token("link_close", "a", -1)]
        shown += [label] if within_link else link
    return shown
