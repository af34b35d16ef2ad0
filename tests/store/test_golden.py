"""Blobs that older servers wrote are read for ever: the files in golden/ are never written again, only added to.

Each column is there as its raw 64-bit words (`.words`) and as a blob of each codec; axes and trees as whole rows.
"""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from aimanager.store.chunks import codec, rollup
from aimanager.store.chunks.pack import edges_of, pack_edges, tree, trees_of

GOLDEN = Path(__file__).parent / "golden"
BLOBS = sorted(GOLDEN.glob("*.blob"))


def words(name: str) -> np.ndarray:
    kind = np.float64 if name.startswith("f") else np.int64
    return np.frombuffer((GOLDEN / f"{name}.words").read_bytes(), kind)


@pytest.mark.parametrize("path", BLOBS, ids=lambda path: path.stem)
def test_a_blob_of_an_older_server_is_still_read(path):
    expected = words(path.stem.split(".")[0])
    decoded = np.empty(len(expected), expected.dtype)
    codec.decode(path.read_bytes(), decoded)
    assert decoded.view(np.int64).tolist() == expected.view(np.int64).tolist()


def test_there_is_a_blob_of_every_codec():
    heads = {path.read_bytes()[:2] for path in BLOBS}
    assert heads == {b"P\x04", b"P\x08", b"A\x08", b"Z\x04", b"Z\x08", b"R\x04", b"R\x08"}


@pytest.mark.parametrize("name", ["float32", "float64", "fodd"])
def test_a_tree_of_an_older_server_is_still_read(name):
    blob = (GOLDEN / f"{name}.tree").read_bytes()
    values = words(name)
    decoded, expected = trees_of([blob], len(values)), tree(values)
    for field in ("low", "high", "last"):
        np.testing.assert_array_equal(getattr(decoded, field)[0], getattr(expected, field))
    if expected.bad is not None:
        np.testing.assert_array_equal(decoded.bad[0], expected.bad)
    assert expected.packed() == blob


@pytest.mark.parametrize("name", ["itimes", "irandom"])
def test_edges_of_an_older_server_are_still_read(name):
    column, blob = words(name), (GOLDEN / f"{name}.edges").read_bytes()
    lo, hi = int(column.min()), int(column.max())
    assert pack_edges(column, lo, hi) == blob
    first_and_last = edges_of([blob], np.array([lo]), len(column))[0]
    assert first_and_last[:, 0].tolist() == column[::256].tolist()
    assert first_and_last[-1, 1] == column[-1]


@pytest.mark.parametrize("name", ["plain", "marked"])
def test_a_rollup_of_an_older_server_is_still_read(name):
    blob = (GOLDEN / f"{name}.rollup").read_bytes()
    expected = json.loads((GOLDEN / f"{name}.json").read_text())
    chunks = rollup.unpacked(blob)
    assert {field: chunks[field].tolist() for field in chunks.dtype.names}.items() <= expected.items()
    assert (chunks.dtype == rollup.MARKED) == (name == "marked")
    assert rollup.packed(chunks) == blob


def make() -> None:
    """Write files of the present form; run by hand when a form is added: `python -m tests.store.test_golden`."""
    rng, odd = np.random.default_rng(7), struct.unpack("<d", struct.pack("<Q", 0x7FF800000000BEEF))[0]
    f32 = rng.normal(size=1000).astype("f4").astype("f8")
    odd_values = np.where(np.arange(1000) % 7 == 0, rng.choice([odd, -0.0, np.inf, -np.inf, 5e-324], 1000), f32)
    columns = {
        "float32": f32,
        "float64": rng.normal(size=1000),
        "fodd": odd_values,
        "icount": np.arange(5, 3005, 3),
        "itimes": 10**15 + np.cumsum(rng.integers(95_000, 105_000, 1000)),
        "irandom": rng.integers(-(2**63), 2**63 - 1, 1000),
    }
    GOLDEN.mkdir(exist_ok=True)
    for name, column in columns.items():
        (GOLDEN / f"{name}.words").write_bytes(column.tobytes())
        narrow = column.astype("<f4") if name == "float32" else column
        raw = bytes((ord("R"), narrow.itemsize)) + narrow.tobytes()
        (GOLDEN / f"{name}.raw.blob").write_bytes(raw)
        (GOLDEN / f"{name}.packed.blob").write_bytes(codec.encode(column, 4))
        present, codec.pcodec = codec.pcodec, None
        (GOLDEN / f"{name}.fallback.blob").write_bytes(codec.encode(column, 4))
        codec.pcodec = present
    for name in ("float32", "float64", "fodd"):
        (GOLDEN / f"{name}.tree").write_bytes(tree(columns[name]).packed())
    for name in ("itimes", "irandom"):
        lo, hi = int(columns[name].min()), int(columns[name].max())
        (GOLDEN / f"{name}.edges").write_bytes(pack_edges(columns[name], lo, hi))
    for name, kind in (("plain", rollup.PLAIN), ("marked", rollup.MARKED)):
        chunks = np.zeros(3, rollup.MARKED)
        for i, field in enumerate(kind.names):
            chunks[field] = (np.arange(chunks[field].size) + 100 * i).reshape(chunks[field].shape)
        chunks["n_bad"] = 2 if name == "marked" else 0
        if name == "plain":
            chunks["bad_row"] = 0xFFFF
        (GOLDEN / f"{name}.rollup").write_bytes(rollup.packed(chunks))
        (GOLDEN / f"{name}.json").write_text(json.dumps({f: chunks[f].tolist() for f in chunks.dtype.names}))


if __name__ == "__main__":
    make()
