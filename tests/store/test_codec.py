"""A column comes back with the same bits, by every codec, and what is not a column is refused."""

import struct

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from aimanager.store.chunks import codec
from aimanager.store.chunks.codec import Damaged, decode, encode
from tests.store.contract import ODD_FLOATS

NAN_32 = struct.unpack("<d", struct.pack("<Q", 0x7FF8000020000000))[0]  # Its payload fits into a float32.
floats = st.floats(width=64) | st.floats(width=32) | st.sampled_from([*ODD_FLOATS, NAN_32])
columns = st.lists(floats, min_size=1, max_size=300).map(lambda values: np.array(values, np.float64))
integers = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=300).map(lambda v: np.array(v, np.int64))


@pytest.fixture(params=["with the wheel", "without"])
def wheel(request, monkeypatch):
    if request.param == "without":
        monkeypatch.setattr(codec, "pcodec", None)
    return request.param


def assert_same_bits(column, blob):
    out = np.empty(len(column), column.dtype)
    decode(blob, out)
    assert out.view(np.int64).tolist() == column.view(np.int64).tolist()


def test_every_column_of_floats_comes_back_bit_for_bit(wheel):
    @settings(max_examples=150, deadline=None)
    @given(columns, st.sampled_from([1, 40]))
    def check(column, times):
        column = np.tile(column, times)
        assert_same_bits(column, encode(column, 4))

    check()


def test_every_column_of_integers_comes_back(wheel):
    @settings(max_examples=150, deadline=None)
    @given(integers)
    def check(column):
        assert_same_bits(column, encode(column, 8))

    check()


def test_each_codec_takes_what_it_is_for(wheel):
    rng = np.random.default_rng(0)
    packs = b"P" if wheel == "with the wheel" else b"Z"
    assert encode(np.arange(7, 5000, 3), 4) == b"A\x08" + struct.pack("<qq", 7, 3)
    assert encode(np.full(100, -0.0), 4)[:2] == b"A\x08"
    assert encode(rng.normal(size=4096).astype("f4").astype("f8"), 4)[:2] == packs + b"\x04"
    assert encode(rng.normal(size=4096), 4)[:2] == packs + b"\x08"
    assert encode(rng.integers(-(2**63), 2**63 - 1, 4096), 4)[:2] == b"R\x08"
    assert encode(np.array([1.5, 2.5, 1.0]), 4)[:2] == b"R\x04"


def test_what_is_not_a_column_of_that_length_is_refused(wheel):
    column = np.random.default_rng(1).normal(size=1000)
    blobs = [encode(column, 4), encode(np.arange(1000), 4), b"R\x08" + column.tobytes()]
    for blob in blobs:
        for broken in (b"", blob[:1], blob[:2], blob[:-1], b"?" + blob[1:], blob[:1] + b"\x05" + blob[2:]):
            with pytest.raises(Damaged):
                decode(broken, np.empty(1000))
    for blob in (blobs[0], blobs[2]):
        for rows in (999, 1001):
            with pytest.raises(Damaged):
                decode(blob, np.empty(rows))


def test_a_blob_that_unpacks_to_far_too_much_is_refused():
    import zlib

    bomb = b"Z\x08" + zlib.compress(bytes(10**7))
    with pytest.raises(Damaged):
        decode(bomb, np.empty(10))


def test_a_pcodec_column_without_the_wheel_says_what_is_missing(monkeypatch):
    blob = encode(np.random.default_rng(1).normal(size=1000), 4)
    monkeypatch.setattr(codec, "pcodec", None)
    with pytest.raises(Damaged, match="package pcodec"):
        decode(blob, np.empty(1000))
