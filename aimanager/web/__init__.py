"""The pages: HTML first, htmx for what changes, scripts only where drawing needs them."""

from importlib import import_module
from pkgutil import iter_modules

from .blueprint import web

__all__ = ["web"]

for module in iter_modules(__path__):  # Each adds its routes to the blueprint.
    import_module(f"{__name__}.{module.name}")
