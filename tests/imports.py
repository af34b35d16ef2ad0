"""Who imports whom: the imports between the modules of a package, read from the source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def module_name(path: Path, root: Path) -> str:
    """`aimanager.db.engine` for a file, `aimanager.db` for the `__init__.py` of a folder."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """All imports, also those inside functions, but not those that only a type checker executes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for statement in child.orelse:
                yield from import_statements(statement)
        else:
            yield from import_statements(child)


def imported_names(path: Path, root: Path) -> set[str]:
    """The full dotted name of everything that a file imports: `from ..db import gate` is `aimanager.db.write_gate`."""
    package = module_name(path, root).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    names = set()
    for statement in import_statements(ast.parse(path.read_text())):
        if isinstance(statement, ast.Import):
            names.update(alias.name for alias in statement.names)
            continue
        base = package[: len(package) - statement.level + 1] if statement.level else []
        module = ".".join([*base, *([statement.module] if statement.module else [])])
        names.update(f"{module}.{alias.name}" for alias in statement.names)
    return names


def import_graph(root: Path, package: str) -> dict[str, set[str]]:
    """For each module of a package, the modules of the same package that it imports."""
    files = {module_name(path, root): path for path in sorted((root / package).rglob("*.py"))}
    graph = {}
    for module, path in files.items():
        # A name is a module, or something inside one.
        targets = {name if name in files else name.rpartition(".")[0] for name in imported_names(path, root)}
        graph[module] = (targets & files.keys()) - {module}
    return graph


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, the first one repeated at the end; empty if there are none."""
    finished: set[str] = set()
    trail: list[str] = []

    def visit(module: str) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in finished:
            return []
        trail.append(module)
        for target in sorted(graph[module]):
            if cycle := visit(target):
                return cycle
        trail.pop()
        finished.add(module)
        return []

    return next((cycle for module in sorted(graph) if (cycle := visit(module))), [])
