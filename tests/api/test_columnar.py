"""The frame of columns: what goes in comes out, and nothing else gets in."""

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aimanager.wire.columnar import LONGEST_HEAD, MAGIC, pack, unpack

COLUMNS = st.one_of(arrays.arrays(kind, st.integers(0, 20)) for kind in ("<f8", "<f4", "<i8", ">f8", ">i8"))
WORDS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text())
HEADS = st.dictionaries(st.text(), st.one_of(WORDS, COLUMNS, st.lists(COLUMNS), st.dictionaries(st.text(), COLUMNS)))


def frame(head: str, data: bytes = b"", **other) -> bytes:
    text = head.encode() + b" " * (-len(head.encode()) % 8)
    return (
        struct.pack("<8sII", other.get("magic", MAGIC), other.get("length", len(text)), other.get("zero", 0))
        + text
        + data
    )


def read(part, columns):
    """A head with columns in place of references. (No list of words in these heads looks like a reference.)"""
    if isinstance(part, list) and len(part) == 3 and isinstance(part[0], str):
        return columns.column(part, "it")
    if isinstance(part, list):
        return [read(item, columns) for item in part]
    if isinstance(part, dict):
        return {name: read(item, columns) for name, item in part.items()}
    return part


def same(left, right):
    if isinstance(left, np.ndarray):
        kind = left.dtype.newbyteorder("<")
        return right.dtype == kind and left.astype(kind).tobytes() == right.tobytes()
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    return left == right


@pytest.mark.slow
@given(HEADS)
def test_what_is_packed_is_unpacked_bit_for_bit(head):
    packed = pack(head)
    read_head, columns = unpack(packed)
    assert same(head, read(read_head, columns))
    columns.close()
    assert len(packed) % 8 == 0


@pytest.mark.slow
@given(HEADS, st.data())
def test_a_changed_frame_gives_columns_or_a_value_error(head, draw):
    packed = bytearray(pack(head))
    for place, byte in draw.draw(st.lists(st.tuples(st.integers(0, len(packed) - 1), st.integers(0, 255)), max_size=4)):
        packed[place] = byte
    with suppress(ValueError):
        read_head, columns = unpack(bytes(packed[: draw.draw(st.integers(0, len(packed)))]))
        read(read_head, columns)
        columns.close()


def test_equal_arrays_are_written_once():
    steps = np.arange(1000)
    head, columns = unpack(pack({"a": steps, "b": [steps], "c": np.arange(1000), "d": steps * 1.0}))
    assert head["a"] == head["b"][0] == ["i8", 0, 1000]
    assert head["c"] == ["i8", 0, 1000]
    assert head["d"] == ["f8", 8000, 1000]
    assert columns.column(head["a"], "a") is columns.column(head["b"][0], "b")


def test_columns_are_views_that_nobody_can_write_to():
    head, columns = unpack(pack({"a": np.arange(10.0)}))
    column = columns.column(head["a"], "a")
    assert column.base is not None
    assert column.flags.aligned
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 1


def test_a_frame_at_an_odd_address_gives_aligned_columns():
    packed = pack({"a": np.arange(10.0)})
    head, columns = unpack(memoryview(b"x" + packed)[1:])
    assert columns.column(head["a"], "a").flags.aligned
    assert columns.column(head["a"], "a").tolist() == list(range(10))


def test_a_strided_array_is_packed_as_it_reads():
    head, columns = unpack(pack({"a": np.arange(10)[::-3]}))
    assert columns.column(head["a"], "a").tolist() == [9, 6, 3, 0]


@pytest.mark.parametrize("column", [np.arange(3, dtype=np.int32), np.zeros((2, 2)), np.array(["a"])])
def test_other_arrays_are_not_packed(column):
    with pytest.raises(ValueError, match="one dimension of f8, f4 or i8"):
        pack({"a": column})


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (b"", "frame is cut short"),
        (frame("{}")[:15], "frame is cut short"),
        (frame("{}", magic=b"AIMCOLS\x02"), "frame must begin with"),
        (frame("{}", zero=1), "must have 0 in bytes 12 to 15"),
        (frame("{}", length=7), "multiple of 8, not 7"),
        (frame("{}", length=16), "head is cut short: 8 bytes instead of 16"),
        (frame("{}", length=LONGEST_HEAD + 8), f"at most {LONGEST_HEAD} bytes"),
        (frame("{}", length=2**32 - 8), f"at most {LONGEST_HEAD} bytes"),
        (frame("{"), "not valid JSON"),
        (frame("", length=0), "not valid JSON"),
        (frame('{"a": NaN}'), "not valid JSON"),
        (frame('{"a": "\\ud800"}'), "not valid JSON"),
        (frame("[" * 100_000), "not valid JSON"),
        (frame("9" * 10_000), "not valid JSON"),
        (struct.pack("<8sII", MAGIC, 8, 0) + b'"\xff"     ', "not valid JSON"),
        (frame('{"a": 1, "b": {"c": 1, "c": 2}}'), "head has the name 'c' twice"),
    ],
)
def test_a_broken_frame_is_refused_by_name(broken, words):
    with pytest.raises(ValueError, match=words):
        unpack(broken)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (None, "must be a reference"),
        ([], "must be a reference"),
        (["f8", 0, 1, 2], "must be a reference"),
        ({"f8": 0}, "must be a reference"),
        (["f2", 0, 1], "must be of kind f8 or f4 or i8, not 'f2'"),
        ([["f8"], 0, 1], "must be of kind"),
        (["f8", -8, 1], "0 or more"),
        (["f8", 0, -1], "0 or more"),
        (["f8", 0.0, 1], "0 or more"),
        (["f8", 0, True], "0 or more"),
        (["f8", 0, "1"], "0 or more"),
        (["f8", 4, 1], "multiple of 8 bytes, not at 4"),
        (["f8", 0, 5], "goes to byte 40 of the data, which has 32"),
        (["f8", 40, 0], "goes to byte 40 of the data, which has 32"),
        (["f8", 0, 2**62], "of the data, which has 32"),
        (["f8", 2**80, 2**80], "of the data, which has 32"),
        (["f4", 8, 1], "overlaps another column"),
        (["i8", 0, 3], "overlaps another column"),
        (["i8", 8, 2], "overlaps another column"),
        (["f8", 0, 4], "overlaps another column"),
    ],
)
def test_a_wrong_reference_is_refused_with_the_name_of_its_column(reference, words):
    _, columns = unpack(frame("{}", bytes(32)))
    columns.column(["i8", 8, 1], "the first")
    with pytest.raises(ValueError, match=f"series.loss.values .*{words}"):
        columns.column(reference, "series.loss.values")


def test_a_column_of_an_unexpected_kind_is_refused():
    _, columns = unpack(frame("{}", bytes(32)))
    with pytest.raises(ValueError, match="steps must be of kind i8, not 'f8'"):
        columns.column(["f8", 0, 4], "steps", ["i8"])


def test_bytes_behind_the_last_column_are_refused():
    _, columns = unpack(frame("{}", bytes(32)))
    columns.column(["f4", 16, 1], "a")
    with pytest.raises(ValueError, match="must end with its last column, at 24, and has 32 bytes"):
        columns.close()
