"""Which way the arrows point: faces call services, services call parts, never the other way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "aimanager"
FACES = {"api", "web", "ws", "cli"}
PARTS = {"models", "store", "live", "db", "wire"}
# What everybody may use: names for errors and settings, and the seams between the layers.
FLASK = {"flask", "flask_sock", "flask_limiter", "flask_sqlalchemy", "flask_jwt_extended"}


def modules(layer: str) -> list[Path]:
    folder = PACKAGE / layer
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{layer}.py"]


def imported(path: Path) -> set[str]:
    """The first name below `aimanager` of each import, or the top-level package of somebody else's."""
    found = set()
    inside = path.relative_to(PACKAGE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            here = inside if path.name == "__init__.py" else inside[:-1]
            here = here[:-1] if path.name == "__init__.py" else here
            base = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            found.add(parts[1] if parts[0] == "aimanager" and len(parts) > 1 else parts[0])
    return found


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_knows_neither_flask_nor_faces_nor_services(part):
    for path in modules(part):
        known = imported(path)
        assert not known & (FACES | FLASK | {"services", "extensions", "http", "errors"}), path.name


@pytest.mark.parametrize("part", sorted(PARTS))
def test_parts_are_strangers_to_each_other(part):
    # The store's tables hang on the models' base and live in the database, the hub reads the store: that is all there is.
    friends = {"store": {"models", "db"}, "live": {"store"}}.get(part, set())
    for path in modules(part):
        assert not imported(path) & (PARTS - {part} - friends), path.name


def test_services_know_no_face_no_request_and_no_template():
    for path in modules("services"):
        assert not imported(path) & (FACES | {"http"}), path.name
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module == "flask"
            for alias in node.names
        }
        assert not names & {"request", "g", "session", "render_template", "Response"}, path.name


@pytest.mark.parametrize("face", sorted(FACES))
def test_faces_do_not_call_each_other(face):
    for path in modules(face):
        others = imported(path) & (FACES - {face})
        # The page that shows the API is made from the API's own document.
        assert others <= ({"api"} if path.name == "docs.py" else set()), (path.name, others)


def test_the_schema_that_is_written_down_is_the_newest_migration():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from aimanager.db import schema

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


@pytest.mark.parametrize("path", sorted((PACKAGE.parent / "migrations/versions").glob("*.py")), ids=lambda p: p.stem)
def test_a_migration_imports_nothing_of_the_program_which_will_change(path):
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add("." * node.level + (node.module or "").partition(".")[0])
    assert "aimanager" not in modules
    assert not any(module.startswith(".") for module in modules)


def test_the_migrations_make_the_tables_that_the_models_describe(app):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from aimanager.extensions import db
    from aimanager.models import Base
    from aimanager.store.tables import is_partition

    options = {"include_name": lambda name, kind, _: kind != "table" or not is_partition(name)}
    with app.app_context(), db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


def test_reading_the_settings_loads_neither_flask_nor_the_database():
    # It is what gunicorn's master process does, and it should stay small.
    command = "import sys, aimanager.config; print([m for m in ('flask', 'sqlalchemy', 'numpy') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
