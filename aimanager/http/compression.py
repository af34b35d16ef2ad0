"""Pages are sent compressed. What was logged is compressed where it is stored, and files when they are installed."""

from __future__ import annotations

import gzip
from typing import Any

import brotli
from flask import Request, Response

SMALLEST = 1000  # Bytes; less fits into a packet or two anyway.


def compress_page(response: Response, request: Request, context: Any) -> None:
    """Compress HTML, in a millisecond or two. What a page keeps secret, its CSRF tokens, differs in each of them."""
    if response.mimetype != "text/html" or response.is_streamed or "Content-Encoding" in response.headers:
        return
    response.headers.add("Vary", "Accept-Encoding")
    accepted = request.accept_encodings
    page = response.get_data()
    if len(page) < SMALLEST or not (accepted["br"] or accepted["gzip"]):
        return
    if accepted["br"]:
        response.set_data(brotli.compress(page, quality=6))
        response.headers["Content-Encoding"] = "br"
    else:
        response.set_data(gzip.compress(page, 4, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
