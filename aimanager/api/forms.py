"""The forms that an answer can have, and which of them is asked for."""

from __future__ import annotations

from flask import request


def wanted(usual: str, *others: str) -> str:
    """The media type that `Accept` likes best; the usual one if it likes none of them."""
    return request.accept_mimetypes.best_match([usual, *others]) or usual
