"""The bytes of a frame are a promise: what an older server wrote is read for ever."""

import numpy as np
import pytest

from aimanager.store.chunks.frame import Block, Line, decode, encode

# Two metrics with counted steps and one time, then one with steps and times of its own.
GOLDEN = bytes.fromhex(
    "0100020040000000"  # version 1, raw, 2 blocks, 64 bytes of head and shapes
    "0200000002000000030000000000000007000000000000000900000000000000"
    "02000000010000000000000000000000"
    "0700000000000000"
    "0500000000000000e803000000000000"
    "000000000000f03f0000000000000040"
    "000000000000f07f0000000000000080"
    "04000000000000000200000000000000"
    "640000000000000032000000000000000000000000000840bebaefbeaddef87f"
)


def floats(*values):
    return np.array(values, "<f8").tobytes()


def blocks():
    odd = bytes.fromhex("bebaefbeaddef87f")
    return [
        Block(2, [7, 9], 5, 1000, [floats(1, 2), floats(np.inf, -0.0)]),
        Block(2, [7], np.array([4, 2]), np.array([100, 50]), [floats(3) + odd]),
    ]


def described(lines: dict[int, Line]):
    return {
        metric: (line.ids.tolist(), line.steps.tolist(), line.times.tolist(), line.values.view(np.int64).tolist())
        for metric, line in lines.items()
    }


def test_a_frame_has_the_bytes_that_are_written_down():
    assert encode(blocks()) == GOLDEN


def test_a_frame_is_read_as_it_was_written():
    lines = decode([(11, GOLDEN)])
    assert lines[7].ids.tolist() == [11, 13, 15, 16]
    assert lines[7].steps.tolist() == [5, 6, 4, 2]
    assert lines[7].times.tolist() == [1000, 1000, 100, 50]
    assert lines[7].values[:3].tolist() == [1, 2, 3]
    assert lines[7].values[3:].tobytes().hex() == "bebaefbeaddef87f"
    assert lines[9].ids.tolist() == [12, 14]
    assert lines[9].values.tobytes() == floats(np.inf, -0.0)


def test_frames_of_many_shapes_are_put_in_the_order_of_their_ids():
    frames, expected, first_id = [], [], 1
    for i in range(50):
        rows, metrics = i % 3 + 1, [1, 2][: i % 2 + 1]
        values = [floats(*range(rows)) for _ in metrics]
        frames.append((first_id, encode([Block(rows, metrics, i, i, values)])))
        expected += range(first_id, first_id + rows * len(metrics), len(metrics))
        first_id += rows * len(metrics)
    assert decode(frames)[1].ids.tolist() == expected


def test_only_the_metrics_wanted_are_read():
    assert described(decode([(1, GOLDEN)], {9})) == {9: described(decode([(1, GOLDEN)]))[9]}
    assert decode([(1, GOLDEN)], {8}) == {}


def test_a_frame_of_a_newer_server_is_not_guessed_at():
    with pytest.raises(ValueError, match="version 2"):
        decode([(1, b"\x02" + GOLDEN[1:])])
