"""Points in a frame of columns: the same as in JSON, or refused with the name of the column and nothing stored."""

import gzip
import json
import struct

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aimanager.wire.columnar import MAGIC, pack

FRAME = "application/vnd.ai-manager.points"
VALUES, STEPS = np.array([0.5, 0.25, 0.125]), np.array([1, 2, 5])
TIMES = np.array([1700000000.0, 1700000000.1, 1700000000.25])
GOOD = {"series": {"loss": {"values": VALUES, "steps": STEPS, "timestamps": TIMES}}}


@pytest.fixture
def run_id(make_run, alice) -> int:
    return make_run(alice)


@pytest.fixture
def send(api, alice, run_id):
    def send(frame, run_id=run_id, **headers):
        data = pack(frame) if isinstance(frame, dict) else frame
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return api(alice).post(f"/metrics/{run_id}/bulk", data=data, content_type=FRAME, headers=named)

    return send


@pytest.fixture
def points(api, alice, run_id):
    def points(run_id=run_id):
        points = api(alice).get(f"/metrics/{run_id}?limit=100000").json
        return [{name: point[name] for name in ("id", "name", "value", "step", "timestamp")} for point in points]

    return points


def frame(head, data: bytes = b"") -> bytes:
    """A frame with a head of one's own making."""
    text = (head if isinstance(head, str) else json.dumps(head)).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<8sII", MAGIC, len(text), 0) + text + data


def test_a_frame_is_kept_as_the_same_columns_in_json_are(api, alice, make_run, send, points):
    more = {"acc": {"values": np.array([1, 2, 3], np.float32), "steps": STEPS}, "lr": {"values": np.array([1e-3])}}
    answer = send({"series": GOOD["series"] | more})
    assert answer.status_code == 200
    expected = {
        "message": "Logged 7 metrics successfully",
        "last_id": 7,
        "flush_after_ms": 250,
        "stop_requested": False,
    }
    assert answer.json == expected
    other = make_run(alice)
    series = {
        "loss": {"values": VALUES.tolist(), "steps": STEPS.tolist(), "timestamps": TIMES.tolist()},
        "acc": {"values": [1, 2, 3], "steps": STEPS.tolist()},
        "lr": {"values": [1e-3]},
    }
    assert api(alice).post(f"/metrics/{other}/bulk", {"series": series}).json == answer.json
    from_frame, from_json = points(), points(other)
    given = [point for point in from_frame if point["name"] == "loss"]
    assert given == [point for point in from_json if point["name"] == "loss"]
    assert [point["timestamp"] for point in given][1] == "2023-11-14T22:13:20.100000"
    without = [[point | {"timestamp": None} for point in listed] for listed in (from_frame, from_json)]
    assert without[0] == without[1]


def test_values_come_back_bit_for_bit_however_many(send, api, alice, run_id):
    values = np.random.default_rng(0).bytes(8 * 5000)
    values = np.frombuffer(values, np.float64)
    assert send({"series": {"loss": {"values": values}}}).status_code == 200
    history = api(alice).get(f"/metrics/{run_id}/history/loss").json["values"]
    read = np.array([float(value) for value in history])
    np.testing.assert_array_equal(read, values)


def test_microseconds_are_kept_to_the_last_one(send, points):
    stamps = np.array([0, 1, 1_700_000_000_123_457, 221_845_392_000 * 10**6])
    assert send({"series": {"loss": {"values": np.zeros(4), "timestamps": stamps}}}).status_code == 200
    assert [point["timestamp"] for point in points()][1:3] == [
        "1970-01-01T00:00:00.000001",
        "2023-11-14T22:13:20.123457",
    ]


def test_two_series_may_have_one_column(send, points):
    series = {"loss": {"values": VALUES, "steps": STEPS}, "again": {"values": VALUES, "steps": STEPS}}
    assert send({"series": series}).json["last_id"] == 6
    assert [point["name"] for point in points()] == ["loss", "again"] * 3


def test_a_numbered_frame_is_kept_once(send, points):
    numbered = GOOD | {"client": "a", "seq": 1}
    first = send(numbered)
    assert first.status_code == 200
    assert send(numbered).json == first.json
    assert send(GOOD | {"client": "a", "seq": 3}).status_code == 409
    changed = {"client": "a", "seq": 1, "series": {"loss": {"values": VALUES}}}
    assert send(changed).status_code == 409
    assert send(GOOD | {"client": "a"}).status_code == 400
    assert len(points()) == 3


def test_a_repeat_of_json_as_a_frame_is_another_request(api, alice, run_id, send):
    body = {"client": "a", "seq": 1, "series": {"loss": {"values": [1.0]}}}
    assert api(alice).post(f"/metrics/{run_id}/bulk", body).status_code == 200
    assert send({"client": "a", "seq": 1, "series": {"loss": {"values": np.array([1.0])}}}).status_code == 409


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_frame_may_be_compressed(send, points, encoding):
    squeeze = gzip.compress if encoding == "gzip" else zstandard.compress
    whole = squeeze(pack(GOOD))
    assert send(whole, Content_Encoding=encoding).status_code == 200
    assert send(whole[:-3], Content_Encoding=encoding).status_code == 400
    assert send(squeeze(pack(GOOD)[:-8]), Content_Encoding=encoding).status_code == 400
    bomb = squeeze(pack({"series": {"loss": {"values": np.zeros(10_000_000)}}}))
    assert len(bomb) < 200_000
    assert send(bomb, Content_Encoding=encoding).status_code == 413
    assert len(points()) == 3


def test_a_frame_that_is_too_long_is_refused(send, points):
    assert send({"series": {"loss": {"values": np.zeros(3_000_000)}}}).status_code == 413
    assert points() == []


def test_one_column_cannot_repeat_into_more_points_than_a_request_may_have(send, points, api, alice, run_id):
    values = np.zeros(100_000)
    answer = send({"series": {f"m{number}": {"values": values} for number in range(101)}})
    assert answer.status_code == 413
    assert answer.json["detail"] == "The request has 10100000 points: at most 10000000 at once"
    assert points() == []


def test_points_of_frames_are_counted(make_app, alice, run_id):
    client = make_app(ingest_points="5/minute").test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {alice.token}"}
    options = {"data": pack(GOOD), "content_type": FRAME, "headers": headers}
    answers = [client.post(f"/metrics/{run_id}/bulk", **options) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


def test_frames_are_for_bulk_alone(api, alice, run_id):
    for path in (f"/metrics/{run_id}", f"/metrics/{run_id}/batch", "/projects/"):
        assert api(alice).post(path, data=pack(GOOD), content_type=FRAME).status_code == 415
    answer = api(alice).post(f"/metrics/{run_id}/bulk", data=b"", content_type="application/x-protobuf")
    assert answer.status_code == 415
    assert FRAME in answer.json["detail"]


def test_a_stranger_may_not_send_frames(api, bob, run_id):
    for who, status in ((api(bob), 403), (api(), 401)):
        assert who.post(f"/metrics/{run_id}/bulk", data=pack(GOOD), content_type=FRAME).status_code == status


def series(**loss):
    """A frame whose data are four words of zeros, and what its head says of the loss."""
    return frame({"series": {"ok": {"values": ["f8", 0, 1]}, "loss": {"values": ["f8", 8, 3]} | loss}}, bytes(32))


WHOLE = pack(GOOD)
NAN = np.array([1.0, np.nan, 3.0])
WRONG = {
    "nothing": (b"", "frame is cut short"),
    "JSON": (b'{"series": {"loss": {"values": [1]}}}', "frame must begin with"),
    "another version": (b"AIMCOLS\x02" + WHOLE[8:], "frame must begin with"),
    "cut in the prefix": (WHOLE[:12], "frame is cut short"),
    "cut in the head": (WHOLE[:40], "head is cut short"),
    "cut in the data": (WHOLE[:-8], "series.loss.timestamps goes to byte"),
    "cut by a byte": (WHOLE[:-1], "series.loss.timestamps goes to byte"),
    "a word too many": (WHOLE + bytes(8), "data must end with its last column"),
    "a byte too many": (WHOLE + b"\n", "data must end with its last column"),
    "a head of odd length": (WHOLE[:8] + b"\x07" + WHOLE[9:], "head must have a length that is a multiple of 8"),
    "a huge head": (WHOLE[:8] + b"\xf8\xff\xff\xff" + WHOLE[12:], "head must have at most"),
    "a list for a head": (frame([]), "must be an object"),
    "null for a head": (frame("null"), "must be an object"),
    "no series": (frame({}), "series is missing"),
    "0 columns": (frame({"series": {}}), "series must have at least 1 items"),
    "a list of series": (frame({"series": []}), "series must be an object"),
    "another field": (frame({"series": {"a": {"values": ["f8", 0, 0]}}, "step": 1}), "step is not a field"),
    "no values": (frame({"series": {"loss": {}}}), "series.loss.values is missing"),
    "null for values": (series(values=None), "series.loss.values must be a reference"),
    "numbers for values": (series(values=[1.0, 2.0, 3.0]), "series.loss.values must be of kind f8 or f4"),
    "a list of values": (series(values=[0.5]), "series.loss.values must be a reference"),
    "another field of a series": (series(ids=["i8", 0, 1]), "series.loss.ids is not a field"),
    "unaligned": (series(values=["f8", 12, 1]), "series.loss.values must begin at a multiple of 8 bytes, not at 12"),
    "an unknown kind": (series(values=["f2", 8, 3]), "series.loss.values must be of kind f8 or f4, not 'f2'"),
    "values of integers": (series(values=["i8", 8, 3]), "series.loss.values must be of kind f8 or f4, not 'i8'"),
    "steps of floats": (series(steps=["f8", 8, 3]), "series.loss.steps must be of kind i8, not 'f8'"),
    "times of short floats": (series(timestamps=["f4", 8, 3]), "series.loss.timestamps must be of kind f8 or i8"),
    "an overlap": (series(values=["f8", 0, 4]), "series.loss.values overlaps another column"),
    "steps over values": (series(steps=["i8", 8, 3]), "series.loss.steps overlaps another column"),
    "behind the end": (series(values=["f8", 8, 4]), "series.loss.values goes to byte 40 of the data, which has 32"),
    "a negative offset": (series(values=["f8", -8, 1]), "series.loss.values must have an offset and a count of 0 or"),
    "a negative count": (series(values=["f8", 8, -1]), "series.loss.values must have an offset and a count of 0 or"),
    "a huge count": (series(values=["f8", 8, 2**61]), "series.loss.values goes to byte"),
    "a huge offset": (series(values=["f8", 2**62, 2**62]), "series.loss.values goes to byte"),
    "a count of 100 digits": (series(values=["f8", 8, 10**100]), "series.loss.values must have an offset and a count"),
    "a count of a half": (series(values=["f8", 8, 0.5]), "series.loss.values must have an offset and a count"),
    "steps of another length": (series(values=["f8", 8, 2], steps=["i8", 24, 1]), "series.loss.steps must be as long"),
    "times of another length": (
        series(values=["f8", 8, 2], timestamps=["f8", 24, 1]),
        "series.loss.timestamps must be as long as its values: 1 instead of 2",
    ),
    "a name twice": (
        frame('{"series":{"loss":{"values":["f8",0,1]},"loss":{"values":["f8",8,1]}}}', bytes(16)),
        "head has the name 'loss' twice",
    ),
    "a name without letters": (pack({"series": {"": {"values": VALUES}}}), "name must have 1 to 250 characters"),
    "a name of 251 letters": (pack({"series": {"x" * 251: {"values": VALUES}}}), "must have 1 to 250 characters"),
    "a name with NUL": (pack({"series": {"a\0b": {"values": VALUES}}}), "U+0000"),
    "a name that turns around": (pack({"series": {"a\u202eb": {"values": VALUES}}}), "U+202E"),
    "10,001 series": (pack({"series": {str(i): {"values": VALUES} for i in range(10_001)}}), "at most 10000 items"),
    "NaN as a time": (pack({"series": {"loss": {"values": VALUES, "timestamps": NAN}}}), "series.loss.timestamps"),
    "an infinite time": (pack({"series": {"loss": {"values": VALUES, "timestamps": NAN * np.inf}}}), "timestamps"),
    "a time before 1970": (pack({"series": {"loss": {"values": VALUES, "timestamps": -VALUES}}}), "must be from 0 to"),
    "a time after 9000": (pack({"series": {"loss": {"values": VALUES, "timestamps": TIMES * 1e3}}}), "must be from 0"),
    "microseconds before 1970": (pack({"series": {"loss": {"values": VALUES, "timestamps": -STEPS}}}), "timestamps"),
    "microseconds after 9000": (pack({"series": {"loss": {"values": VALUES, "timestamps": STEPS * 2**61}}}), "from 0"),
    "half of client and seq": (pack(GOOD | {"seq": 1}), "client and seq must be sent together"),
    "a seq of text": (pack(GOOD | {"client": "a", "seq": "1"}), "seq must be an integer"),
    "a client of 101 letters": (pack(GOOD | {"client": "a" * 101, "seq": 1}), "client must have at most 100"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_frame_is_refused_by_name_and_nothing_is_stored(send, points, kind):
    wrong, words = WRONG[kind]
    answer = send(wrong)
    assert answer.status_code == 400
    assert words in answer.json["detail"], answer.json["detail"]
    assert points() == []


@pytest.mark.slow
def test_no_broken_frame_breaks_the_server(send, points):
    """Whatever becomes of a frame on its way, it is taken or refused, never a 5xx."""
    whole = pack(
        {"client": "a", "seq": 1, "series": {"loss": {"values": VALUES, "steps": STEPS}, "b": {"values": TIMES}}}
    )
    places = st.integers(0, len(whole) - 1)
    words = st.sampled_from(
        [b"0", b"-", b"9", b"[", b'"', b"\0", b"\xff", b"f4", b"i8", b"e9", b"null", b"NaN", b"\\ud800"]
    )
    cuts = st.tuples(places, places, words | st.binary(max_size=8))

    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(cuts, min_size=1, max_size=3), st.integers(0, 30))
    def mutate(edits, missing):
        frame = whole
        for start, length, new in edits:
            frame = frame[:start] + new + frame[start + length % 9 :]
        answer = send(frame[: len(frame) - missing])
        assert answer.status_code in {200, 400, 409}, answer.text
        assert len(answer.data) < 20_000

    mutate()
    points()


@pytest.mark.parametrize("cut", [1, 2, 4, 8])
def test_compressed_data_that_are_cut_short_are_refused(api, alice, run_id, cut):
    body = b'{"series": {"loss": {"values": [1, 2]}}}'
    whole = zstandard.ZstdCompressor(write_checksum=True).compress(body)
    for data, encoding in ((whole[:-cut], "zstd"), (gzip.compress(body)[:-cut], "gzip")):
        headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        answer = api(alice).post(f"/metrics/{run_id}/bulk", data=data, headers=headers)
        assert answer.status_code == 400
        assert f"body is not whole {encoding} data" in answer.json["detail"]
    assert api(alice).get(f"/metrics/{run_id}/summary").json == []


def test_compressed_data_may_be_of_several_frames(api, alice, run_id):
    body = b'{"series": {"loss": {"values": [' + b"1," * 40_000 + b"2]}}}"
    parts = [zstandard.compress(part) for part in (body[:5], body[5:50_000], body[50_000:])]
    headers = {"Content-Encoding": "zstd", "Content-Type": "application/json"}
    assert api(alice).post(f"/metrics/{run_id}/bulk", data=b"".join(parts), headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["float", "int", "str", "list[float]", "function-wrap", "values"])
def test_a_metric_may_have_the_name_of_a_validators_branch(api, alice, run_id, name):
    answer = api(alice).post(f"/metrics/{run_id}/bulk", json={"series": {name: {"values": [1, "x"]}}})
    assert answer.status_code == 400
    assert answer.json["errors"][0]["loc"] == ["body", "series", name, "values", 1]
    answer = api(alice).post(f"/metrics/{run_id}/batch", json={"metrics": {name: "x"}})
    assert answer.json["errors"][0]["loc"] == ["body", "metrics", name]
