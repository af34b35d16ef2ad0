"""A believable project, made in seconds: for trying the pages, for screenshots, for benchmarks."""

from .project import Size, new_project, seed

__all__ = ["Size", "new_project", "seed"]
