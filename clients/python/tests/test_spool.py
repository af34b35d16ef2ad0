"""The log on disk: what was written is read, wherever it is cut, and always in the same batches."""

import os
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_manager._notices import Notices
from ai_manager._spool import record, segment, source, writer
from ai_manager._spool.cursor import Cursor
from ai_manager._spool.folder import Folder, folders
from ai_manager._spool.window import read_window

FACTS = {"project": "p", "run": {}, "key": "k", "mode": "online", "server": "http://127.0.0.1:1"}


@pytest.fixture
def make():
    """Make spools, on disk unless told otherwise."""

    def spool(on_disk=True, **options):
        folder = Folder.create(FACTS, sends=False) if on_disk else None
        return writer.Spool(folder, Notices(), **options)

    return spool


def windows(source_of_them):
    """All windows, read by a reader that begins at the beginning."""
    cursor, found = Cursor(), []
    while (window := source.next_window(source_of_them, cursor)) is not None:
        found.append((cursor.client, cursor.number, window))
        cursor.pass_window(window.end, bool(window.rows), lines=0)
    return found


def left_by_a_dead_process(spool):
    leftover = source.Leftover(spool.folder)
    leftover.is_final = True
    return leftover


def rows_of(source_of_them):
    return [
        (row.step, row.time, dict(zip(row.names, row.values)))
        for *_, window in windows(source_of_them)
        for row in window.rows
    ]


names = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=9), min_size=1, max_size=4, unique=True)  # fmt: skip
rows = st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(0, 2e11), names, st.floats(allow_nan=False))
entries = st.lists(st.one_of(rows, st.just("cut"), st.dictionaries(st.text(max_size=5), st.integers(), max_size=2)), max_size=30)  # fmt: skip


def write(spool, script):
    """Do what a script says; the rows and facts that must come out."""
    expected, facts = [], []
    for entry in script:
        if entry == "cut":
            spool.cut()
        elif isinstance(entry, dict):
            spool.fact(entry)
            facts.append(entry)
        else:
            step, when, keys, value = entry
            spool.points(step, when, tuple(keys), (value,) * len(keys))
            expected.append((step, when, dict.fromkeys(keys, value)))
    return expected, facts


@settings(max_examples=60, deadline=None)
@given(entries)
def test_what_is_written_is_read(script):
    spool = writer.Spool(None, Notices())
    expected, facts = write(spool, script)
    spool.cut()
    assert rows_of(spool) == expected
    assert [fact for *_, window in windows(spool) for fact in window.facts] == facts


@settings(max_examples=15, deadline=None)
@given(entries, st.data())
def test_a_cut_at_any_byte_costs_only_what_is_behind_it(script, data):
    kept = writer.Spool(None, Notices())
    expected, _ = write(kept, script)
    (whole,) = kept.segments()
    content = whole.read(0, whole.end)
    ends = _ends_of_rows(content)
    for cut in range(record.HEAD_BYTES, len(content) + 1):
        torn = segment.MemorySegment(1, whole.head)
        torn._data = bytearray(content[:cut])
        found, start = [], record.HEAD_BYTES
        while (window := read_window(torn, start, is_over=True)) is not None:
            found += window.rows
            start = window.end
        assert [row.step for row in found] == [row[0] for row in expected[: sum(end <= cut for end in ends)]]


def _ends_of_rows(content):
    return [
        entry[0]
        for entry in record.records(content, record.HEAD_BYTES)
        if not isinstance(entry, (record.Torn, record.Damaged)) and entry[1][0] == record.POINTS
    ]


def test_a_file_that_is_cut_within_its_head_is_passed_over(make):
    spool = make()
    spool.points(0, 1.0, ("m",), (1.0,))
    path = next(spool.folder.path.glob("*.spool"))
    for size in range(record.HEAD_BYTES):
        os.truncate(path, size)
        assert windows(left_by_a_dead_process(spool)) == []


def test_zeros_behind_the_end_are_passed_over(make):
    """As a power cut leaves them in a file that had grown before its content was on the disk."""
    spool = make()
    for step in range(10):
        spool.points(step, 1.0, ("m",), (1.0,))
    path = next(spool.folder.path.glob("*.spool"))
    with path.open("ab") as file:
        file.write(bytes(5000))
    assert [row[0] for row in rows_of(left_by_a_dead_process(spool))] == list(range(10))


def test_a_flipped_bit_costs_one_record(make):
    spool = make()
    for step in range(10):
        spool.points(step, 1.0, ("m",), (1.0,))
    path = next(spool.folder.path.glob("*.spool"))
    content = bytearray(path.read_bytes())
    content[_ends_of_rows(bytes(content))[4] - 1] ^= 1
    path.write_bytes(content)
    assert [row[0] for row in rows_of(left_by_a_dead_process(spool))] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert sum(window.damaged for *_, window in windows(left_by_a_dead_process(spool))) == 1


def test_every_reader_makes_the_same_batches_with_the_same_numbers(make, monkeypatch):
    monkeypatch.setattr(writer, "WINDOW_POINTS", 70)
    spool = make(limit=8 << 16)
    for step in range(9000):
        spool.points(step, 1.0, ("m", "n"), (1.0, step / 7))
        if step % 100 == 99:
            spool.fact({"kind": "config", "value": {"step": step}})
    spool.cut()
    assert len(spool.segments()) > 3
    seen = windows(spool)
    assert [number for _, number, _ in seen] == list(range(1, len(seen) + 1))
    assert {client for client, *_ in seen} == {seen[0][0]}
    assert windows(left_by_a_dead_process(spool)) == seen
    # A reader that lost the cursor begins at the first segment that is left, and counts as before.
    spool.forget(3)
    assert windows(left_by_a_dead_process(spool)) == [entry for entry in seen if entry[2].segment >= 3]
    assert max(window.points for *_, window in seen) <= 70


def test_segments_that_are_delivered_leave_the_disk(make):
    spool = make(limit=8 << 16)
    for step in range(5000):
        spool.points(step, 1.0, ("m", "n"), (1.0, 2.0))
    assert len(list(spool.folder.path.glob("*.spool"))) > 1
    spool.forget(spool.segments()[-1].number)
    assert len(list(spool.folder.path.glob("*.spool"))) == 1


def test_a_full_spool_drops_and_counts_what_comes_and_says_so_once_a_minute(make, caplog):
    spool = make(limit=8 << 16)
    step = 0
    while spool.dropped < 100:
        spool.points(step, 1.0, ("m", "n"), (1.0, 2.0))
        step += 1
    assert caplog.text.count("AI_MANAGER_SPOOL_LIMIT allows for more") == 1
    assert sum(path.stat().st_size for path in spool.folder.path.glob("*.spool")) < (8 << 16) + 10_000
    spool.forget(2)
    spool.points(step, 1.0, ("m",), (7.0,))
    spool.cut()
    kept = rows_of(spool)
    assert kept[-1] == (step, 1.0, {"m": 7.0})
    assert spool.dropped == 100


def test_what_a_full_disk_does_not_take_waits_in_memory(make, monkeypatch, caplog):
    monkeypatch.setattr(writer, "RETRY_DISK", 0.0)
    spool = make()
    room = [3000]

    def write_some(fd, data, write=os.write):
        """As a disk with little room: the last write is a short one."""
        if len(data) > room[0]:
            if not room[0]:
                raise OSError(28, "No space left on device")
            data = data[: room[0]]
        room[0] -= len(data)
        return write(fd, data)

    monkeypatch.setattr(segment.os, "write", write_some)
    for step in range(200):
        spool.points(step, 1.0, ("m", "n"), (1.0, 2.0))
    spool.cut()
    assert spool.dropped == 0
    assert spool.in_memory
    assert caplog.text.count("cannot be written") == 1
    assert [row[0] for row in rows_of(spool)] == list(range(200))
    on_disk = [row[0] for row in rows_of(left_by_a_dead_process(spool))]
    assert on_disk == list(range(len(on_disk)))
    assert len(on_disk) > 20
    # What is in memory is numbered by itself: it dies with the process, and no number may be missing then.
    assert len({client for client, *_ in windows(spool)}) == 2
    room[0] = 1 << 30
    for step in range(200, 40_000):
        spool.points(step, 1.0, ("m", "n"), (1.0, 2.0))
    spool.cut()
    assert [segment.in_memory for segment in spool.segments()] == [False, True, False]
    assert [row[0] for row in rows_of(spool)] == list(range(40_000))


def test_a_record_within_a_record_is_kept_whole(make):
    """As when a signal handler logs, or a finaliser, while `log` is writing."""
    spool = make()
    append = segment.FileSegment.append

    def interrupted(self, data):
        if spool.logged == 3:
            spool.logged = 4
            spool.points(99, 1.0, ("inner",), (9.0,))
            spool.logged = 3
        append(self, data)

    spool.points(0, 1.0, ("m",), (1.0,))
    type(spool.segments()[0]).append = interrupted
    try:
        for step in range(1, 6):
            spool.points(step, 1.0, ("m",), (1.0,))
    finally:
        segment.FileSegment.append = append
    spool.cut()
    assert [row[0] for row in rows_of(spool)] == [0, 1, 2, 3, 99, 4, 5]


def test_only_its_user_can_read_a_spool(make):
    spool = make()
    spool.points(0, 1.0, ("m",), (1.0,))
    Cursor(folder=spool.folder.path).save()
    spool.folder.reject("1", b"body", "reason")
    assert spool.folder.path.stat().st_mode & 0o777 == 0o700
    assert spool.folder.path.parent.stat().st_mode & 0o777 == 0o700
    for path in spool.folder.path.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("content", ["", "{", "[]", '{"segment": "x"}', '{"segment": 1, "offset": 99999999}'])
def test_a_cursor_that_says_nothing_sensible_is_no_worse_than_none(make, content):
    spool = make()
    (spool.folder.path / "cursor").write_text(content)
    cursor = Cursor.load(spool.folder.path)
    assert cursor == Cursor() or cursor.segment == 1


def test_a_spool_of_a_newer_version_is_left_alone(make):
    spool = make()
    path = next(spool.folder.path.glob("*.spool"))
    content = bytearray(path.read_bytes())
    content[7] = 2
    path.write_bytes(content)
    with pytest.raises(record.NewerFormat):
        windows(left_by_a_dead_process(spool))


def test_folders_that_are_no_spools_are_passed_over(make, spools):
    make()
    (spools / "empty").mkdir()
    (spools / "odd").mkdir()
    (spools / "odd" / "run.json").write_text("[]")
    (spools / "file").write_text("")
    assert len(list(folders())) == 1


def test_the_bytes_of_a_record_are_as_documented():
    framed = record.pack_fact({"kind": "x"})
    length, crc = struct.unpack_from("<II", framed)
    assert framed[8:] == b'\x03{"kind":"x"}'
    assert (length, crc) == (len(framed) - 8, zlib.crc32(framed[8:]))


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("", 1 << 30),
        ("1000000", 1_000_000),
        ("64M", 64 << 20),
        ("2GiB", 2 << 30),
        ("1.5 gb", 3 << 29),
        ("-1", 1 << 30),
        ("lots", 1 << 30),
    ],  # fmt: skip
)
def test_the_limit_is_read_from_the_environment(monkeypatch, text, limit):
    monkeypatch.setenv("AI_MANAGER_SPOOL_LIMIT", text)
    assert writer.limit_of_environment() == limit
