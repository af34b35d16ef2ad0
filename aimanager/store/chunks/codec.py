"""Columns of 64-bit words as bytes. docs/store-format.md has the form byte by byte.

A blob is its codec, how many bytes a word has, and the codec's own bytes:

    P   pcodec; words of 4 bytes are float32 and stand for the same float64
    A   affine: the first word as an integer, and what each one adds to it
    Z   zlib over the words' differences, the first bytes of all words before all second bytes, and so on
    R   raw

A blob may carry a checksum, see checksum.py. What comes back has the same bits. A float64 column is kept as float32 only where every value survives that.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import checksum, layout

try:
    import pcodec
    from pcodec import standalone as pco
except ImportError:  # No wheel for this machine: zlib does it, at about twice the size.
    pcodec = None

Damaged = checksum.Damaged
_AFFINE = struct.Struct("<qq")
AFFINE = np.dtype([("head", "u1", (2,)), ("words", "<i8", (2,))])  # A whole affine blob, less its checksum.
AFFINE_SIZE = AFFINE.itemsize
AFFINE_LONGEST = AFFINE_SIZE + checksum.SIZE
_P, _A, _Z, _R = b"PAZR"
_COUNTED = np.arange(layout.CHUNK)
_FEW = 8  # Fewer words than this are not worth a codec's header.


def encode(column: NDArray[Any], level: int) -> bytes:
    """An int64 or float64 column, at least one word long."""
    bits = np.ascontiguousarray(column).view("<i8")
    differences = bits[1:] - bits[:-1]
    if (differences == differences[:1]).all():
        return affine(int(bits[0]), int(differences[0]) if len(differences) else 0)
    words = _narrowed(column) if column.dtype.kind == "f" else bits
    raw = bytes((_R, words.itemsize)) + words.tobytes()
    if len(words) < _FEW:
        return raw
    if pcodec is None:
        packed = bytes((_Z, words.itemsize)) + _deflate(words, level)
    else:
        config = pcodec.ChunkConfig(compression_level=level)
        packed = bytes((_P, words.itemsize)) + pco.simple_compress(words, config)
    return min(packed, raw, key=len)


def affine(first: int, delta: int) -> bytes:
    """The blob of the integers first, first + delta, ..."""
    return bytes((_A, 8)) + _AFFINE.pack(first, delta)


def decode(blob: bytes, out: NDArray[Any], plus: int = 0) -> None:
    """Fill `out`, int64 or float64, with the column, or float32 if it is narrow; `plus` is added to integers. Raises Damaged
    if the blob is not one of that length."""
    try:
        start, end = checksum.span(blob)
        codec, size, body = blob[start], blob[start + 1], blob[start + 2 : end]
        if codec == _A and size == 8:
            first, delta = _AFFINE.unpack(body)
            _fill_affine(out.view(np.int64), first + plus, delta)
        elif size == 8:
            _decode_words(codec, body, out)
            if plus:
                out += plus
        elif size == 4 and out.dtype == np.float32:
            _decode_words(codec, body, out)
        elif size == 4 and out.dtype.kind == "f":
            words = np.empty(len(out), np.float32)
            _decode_words(codec, body, words)
            out[:] = words
        else:
            raise Damaged(f"words of {size} bytes")
    except Damaged:
        raise
    except Exception as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error


def is_affine(blob: bytes) -> bool:
    return blob[checksum.is_present(blob)] == _A


def is_narrow(blob: bytes) -> bool:
    """Whether a column of floats is one of float32."""
    start = checksum.is_present(blob) + 1
    return blob[start : start + 1] == b"\4"


def _narrowed(values: NDArray[np.float64]) -> NDArray[Any]:
    """The values as float32 if that changes no bit."""
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = values.astype("<f4")
        same = narrow.astype("<f8").view(np.int64) == values.view(np.int64)
    return narrow if same.all() else values


def _fill_affine(out: NDArray[np.int64], first: int, delta: int) -> None:
    if delta == 1:
        np.add(_counted(len(out)), first, out=out)
    else:
        np.multiply(_counted(len(out)), delta, out=out)
        out += first


def _counted(rows: int) -> NDArray[np.int64]:
    """0, 1, 2, ..."""
    return _COUNTED[:rows] if rows <= len(_COUNTED) else np.arange(rows)


def _decode_words(codec: int, body: bytes, out: NDArray[Any]) -> None:
    if codec == _P:
        if pcodec is None:
            raise RuntimeError("this column needs the package pcodec, which is not installed")
        progress = pco.simple_decompress_into(body, out)
        if progress.n_processed != len(out) or not progress.finished:
            raise Damaged(f"{progress.n_processed} words, expected {len(out)}")
    elif codec == _Z:
        _inflate(body, out)
    elif codec == _R:
        out[:] = np.frombuffer(body, out.dtype, len(out))
        if len(body) != out.nbytes:
            raise Damaged(f"{len(body)} bytes, expected {out.nbytes}")
    else:
        raise Damaged(f"codec {codec} is not one of this server's")


def _deflate(words: NDArray[Any], level: int) -> bytes:
    integers = words.view(f"<i{words.itemsize}")
    differences = np.diff(integers, prepend=integers.dtype.type(0))
    return zlib.compress(differences.view(np.uint8).reshape(-1, words.itemsize).T.tobytes(), level)


def _inflate(body: bytes, out: NDArray[Any]) -> None:
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(body, out.nbytes + 1)
    if len(data) != out.nbytes or not unpacker.eof:
        raise Damaged(f"{len(data)} bytes, expected {out.nbytes}")
    size = out.itemsize
    differences = np.frombuffer(data, np.uint8).reshape(size, -1).T.copy().view(f"<i{size}").ravel()
    np.cumsum(differences, out=out.view(f"<i{size}"))
