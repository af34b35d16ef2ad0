"""Which way the arrows point: faces call http and services, http calls services, services call parts, never back."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.imports import find_cycle, import_graph, imported_names

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "aimanager"
FACES = {"api", "web", "ws", "cli"}
PARTS = {"models", "store", "live", "db", "wire", "query"}
FLASK = {"flask", "flask_sock", "flask_limiter", "flask_sqlalchemy", "flask_jwt_extended"}
TESTS = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "clients" / "python" / "tests").rglob("*.py")]
# Pauses, and clocks that only measure how long something took. `time.time()` is a time of day, and may be compared.
PAUSES = {"time.sleep", "asyncio.sleep"}
STOPWATCHES = {f"time.{name}{unit}" for name in ("monotonic", "perf_counter", "process_time") for unit in ("", "_ns")}
# The helper that waits for conditions; a network that is slow; the fake server, which notes when a request came.
MAY_PAUSE = {"tests/waiting.py", "tests/network.py"}
MAY_MEASURE = {"tests/waiting.py", "clients/python/tests/fake_server.py"}


def files_of(layer: str) -> list[Path]:
    folder = PACKAGE / layer
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{layer}.py"]


def layers_used(path: Path) -> set[str]:
    """The first name below `aimanager` of each import, or the top-level package of a library."""
    names = [name.split(".") for name in imported_names(path, ROOT)]
    return {parts[1] if parts[0] == "aimanager" and len(parts) > 1 else parts[0] for parts in names}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_knows_neither_flask_nor_faces_nor_services(part):
    for path in files_of(part):
        assert not layers_used(path) & (FACES | FLASK | {"services", "extensions", "http", "errors"}), path.name


@pytest.mark.parametrize("part", sorted(PARTS))
def test_parts_do_not_know_each_other(part):
    # The store's tables use the models' base and live in the database, the hub reads the store and writes what goes over
    # the wire: there is no more.
    allowed = {"store": {"models", "db"}, "live": {"store", "wire"}}.get(part, set())
    for path in files_of(part):
        assert not layers_used(path) & (PARTS - {part} - allowed), path.name


# Chunks are bytes and know of nobody; reading and writing do not know of each other; what tidies up may use all three.
ROOMS = {
    "chunks": set(), "write": {"chunks"}, "read": {"chunks"}, "console": {"chunks", "write"},
    "upkeep": {"chunks", "read", "write", "console"},
}  # fmt: skip


def rooms_used(path: Path) -> set[str]:
    """The folders of the store that a file imports from."""
    names = [name.split(".") for name in imported_names(path, ROOT)]
    return {parts[2] for parts in names if parts[:2] == ["aimanager", "store"] and len(parts) > 2} & ROOMS.keys()


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_inside_the_store_the_arrows_run_one_way(room):
    for path in files_of(f"store/{room}"):
        assert rooms_used(path) <= ROOMS[room] | {room}, path.name


def test_what_the_whole_store_shares_knows_only_chunks():
    for path in (PACKAGE / "store").glob("*.py"):
        # The store itself is put together from all of them.
        assert path.name == "sql.py" or rooms_used(path) <= {"chunks"}, path.name


def test_services_know_no_face_no_request_and_no_template():
    for path in files_of("services"):
        assert not layers_used(path) & (FACES | {"http"}), path.name
        flask_names = {name.partition(".")[2] for name in imported_names(path, ROOT) if name.startswith("flask.")}
        assert not flask_names & {"request", "g", "session", "render_template", "Response"}, path.name


def test_what_surrounds_a_request_knows_no_face():
    for path in files_of("http"):
        assert not layers_used(path) & FACES, path.name


@pytest.mark.parametrize("face", sorted(FACES))
def test_faces_do_not_call_each_other(face):
    for path in files_of(face):
        other_faces = layers_used(path) & (FACES - {face})
        # The page that shows the API is made from the API's own document.
        assert other_faces <= ({"api"} if path.name == "docs.py" else set()), (path.name, other_faces)


@pytest.mark.parametrize(
    ("root", "package"), [(ROOT, "aimanager"), (ROOT / "clients" / "python", "ai_manager")], ids=["server", "client"]
)
def test_no_modules_import_each_other_in_a_circle(root, package):
    assert find_cycle(import_graph(root, package)) == []


def test_a_circle_of_imports_is_found():
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]


def calls_of(source: str) -> set[str]:
    """What is called in a program, as it is written there: `time.sleep`, `page.wait_for_timeout`."""
    return {ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_test_pauses_or_measures_time(path):
    name, source = str(path.relative_to(ROOT)), path.read_text()
    assert not {imported for imported in imported_names(path, ROOT) if imported.startswith("time.")}
    calls = calls_of(source)
    assert not {call for call in calls if call.endswith(".wait_for_timeout")}
    assert name in MAY_PAUSE or not calls & PAUSES
    assert name in MAY_MEASURE or not calls & STOPWATCHES


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

    from aimanager.db import word_index
    from aimanager.extensions import db
    from aimanager.models import Base
    from aimanager.store.tables import is_partition

    options = {"include_name": lambda name, kind, _: not word_index.is_part(name) and not is_partition(name)}
    with app.app_context(), db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


def test_reading_the_settings_loads_neither_flask_nor_the_database():
    # It is what gunicorn's master process does, and it should stay small.
    command = "import sys, aimanager.config; print([m for m in ('flask', 'sqlalchemy', 'numpy') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
