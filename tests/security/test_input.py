"""Input that nobody should send: refused with a sentence, quickly, and never a 5xx."""

import gzip
import io
import json

import pytest
import zstandard
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.security.doors import REQUESTS, routes

pytestmark = pytest.mark.slow  # Every door with every caller or body: too much for the quick run.

DEEP = 100_000
JSON = {"content_type": "application/json"}
BODIES = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a list of objects": b'[{"name": "x"}]',
    "a word": b'"name"',
    "a number": b"1",
    "half": b'{"name": ',
    "two objects": b"{}{}",
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "a lone surrogate": rb'{"name": "\ud800"}',
    "half a pair": rb'{"name": "\ud800\ud800", "value": 1}',
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "NUL": rb'{"name": "a\u0000b", "value": 1}',
    "a bare NUL": b'{"name": "a\0b"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "UTF-32": '{"name": "x"}'.encode("utf-32"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a deep config": b'{"name":"x","config":' + b'{"a":' * DEEP + b"1" + b"}" * (DEEP + 1),
    "a config of 150 levels": b'{"config":' + b'{"a":' * 150 + b"1" + b"}" * 151,
    "5,000 digits": b'{"name":"x","value":' + b"9" * 5000 + b',"step":' + b"9" * 5000 + b"}",
    "a million digits": b'{"name":"x","value":' + b"9" * 1_000_000 + b"}",
    "5,000 digits in a config": b'{"config":{"a":' + b"9" * 5000 + b"}}",
    "5,000 digits as an id": b'{"run_id":' + b"9" * 5000 + b"}",
    "a huge exponent": b'{"name":"x","value":1e999999999,"step":1e999999999,"run_id":1e99}',
    "NaN everywhere": b'{"name":NaN,"value":NaN,"step":NaN,"config":{"a":NaN},"timestamp":NaN}',
    "200,000 fields": b"{" + b",".join(b'"f%d":1' % number for number in range(200_000)) + b"}",
    "200,000 metrics": b'{"metrics":{' + b",".join(b'"f%d":1' % number for number in range(200_000)) + b"}}",
    "200,000 config keys": b'{"config":{' + b",".join(b'"f%d":1' % number for number in range(200_000)) + b"}}",
    "one field 200,000 times": b"{" + b",".join(b'"name":"x"' for _ in range(200_000)) + b"}",
    "a field of a megabyte": b'{"' + b"x" * 1_000_000 + b'":1}',
    "a name of a megabyte": b'{"name":"' + b"x" * 1_000_000 + b'","value":1}',
    "a list for every field": b'{"name":[],"value":[],"step":[],"config":[],"tags":{},"series":[],"metrics":[],"username":[]}',
    "an object for every field": b'{"name":{},"value":{},"step":{},"config":1,"tags":"x","series":{},"metrics":{},"password":{}}',
    "__proto__": b'{"__proto__":{"is_superuser":true},"constructor":{"prototype":{}},"name":"x"}',
}


@pytest.fixture
def doors(app, alice, make_project, make_run, private_run):
    """The addresses of all routes that take a body, filled in with what exists; what deletes is left out."""
    doors = []
    for route in routes(app):
        if route.method in {"POST", "PUT"} and "delete" not in route.name and "logout" not in route.name:
            path = str(route.rule)
            for name in ("run_id", "project_id", "key_id", "view_id", "note_id"):
                path = path.replace(f"<id:{name}>", "1")
            doors.append((route.method, path + ("?project_id=1" if path == "/runs/" else "")))
    assert len(doors) >= len([name for name, row in REQUESTS.items() if row]) / 2
    return doors


def check(answer, *where):
    """A refusal in words, or a good answer: never a 5xx, and nothing of the inside."""
    assert answer.status_code < 500, (*where, answer.text[:300])
    if answer.status_code >= 400 and answer.mimetype == "application/json":
        assert isinstance(answer.json["detail"], str)
        assert len(answer.data) < 20_000, where
        for inside in ("Traceback", "pydantic", "sqlalchemy", "psycopg", "orjson"):
            assert inside not in answer.text, where


@pytest.mark.parametrize("kind", BODIES)
def test_no_odd_body_breaks_any_door(api, alice, doors, kind):
    for method, path in doors:
        check(api(alice).open(path, method=method, data=BODIES[kind], **JSON), method, path)


@pytest.mark.parametrize(
    "kind", ["nothing", "deep lists", "200,000 fields", "not UTF-8", "NUL", "a list", "5,000 digits"]
)
def test_no_odd_body_breaks_the_doors_that_are_open_to_all(api, doors, kind):
    for path in ("/auth/login", "/auth/register", "/csp-report"):
        check(api().post(path, data=BODIES[kind], **JSON), path)


def packed(data: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.compress(data, 9)
    return zstandard.ZstdCompressor(level=3).compress(data)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_refused_before_it_goes_off(api, alice, private_run, encoding):
    bomb = packed(b'{"series": {"loss": {"values": [' + b" " * 200_000_000, encoding)
    for path in (f"/metrics/{private_run}/bulk", f"/metrics/{private_run}/batch", "/auth/login"):
        answer = api(alice).post(path, data=bomb, headers={"Content-Encoding": encoding}, **JSON)
        assert answer.status_code == 413


def test_a_zstd_frame_that_asks_for_a_huge_window_is_refused(api, alice, private_run):
    window = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    compressor, out = zstandard.ZstdCompressor(compression_params=window), io.BytesIO()
    with compressor.stream_writer(out, closefd=False) as writer:
        writer.write(b"{}" * 100)
    answer = api(alice).post(
        f"/metrics/{private_run}/bulk", data=out.getvalue(), headers={"Content-Encoding": "zstd"}, **JSON
    )
    assert answer.status_code in {400, 413}


@pytest.mark.parametrize(
    "encoding", ["gzip", "zstd", "deflate", "br", "identity", "x" * 500, "gzip, gzip", "GZIP", "\xff"]
)
def test_a_damaged_or_unknown_encoding_is_refused(api, alice, private_run, encoding):
    good = packed(
        b'{"series": {"loss": {"values": [1]}}}', "gzip" if "z" not in encoding or "gz" in encoding.lower() else "zstd"
    )
    for data in (b"", b"x", good[:-5], good[:12], good[::-1], good[:10] + b"\0\0\0" + good[13:], good + b"tail"):
        answer = api(alice).post(
            f"/metrics/{private_run}/bulk", data=data, headers={"Content-Encoding": encoding}, **JSON
        )
        check(answer, encoding, data)
        assert answer.status_code in {200, 400, 415}
        assert answer.status_code != 200 or data == good + b"tail"


def test_a_body_of_32_megabytes_is_too_large_everywhere(api, alice, doors):
    data = b"x" * (32 << 20)
    for method, path in doors:
        answer = api(alice).open(path, method=method, data=data, **JSON)
        form_or_none = path.startswith(("/app", "/settings", "/login", "/register")) or path.endswith(
            ("/heartbeat", "/stop")
        )
        assert answer.status_code == 413 or (form_or_none and answer.status_code < 500), (method, path)
    for path in ("/auth/login", "/login", "/settings/theme"):
        answer = api().post(path, data=data, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 413, path


def test_twenty_thousand_form_parts_are_refused(api, doors):
    boundary = b"--x\r\n" + b'Content-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    body = boundary * 20_000 + b"--x--\r\n"
    for path in ("/auth/login", "/login", "/register"):
        check(api().post(path, data=body, content_type="multipart/form-data; boundary=x"), path)
    for data in ("&".join(f"a{number}=b" for number in range(200_000)), "username=" + "%00" * 100_000, "=&" * 200_000):
        check(api().post("/auth/login", data=data, content_type="application/x-www-form-urlencoded"), data[:40])


ODD = ["1" + "0" * 20, "-1", "abc", "1.5", "1e3", "0x10", "", " 1", "1 ", "+1", "१", "١", "1_000", "NaN", "Infinity", "null", "[]",
       "\0", "1\0", "1;DROP TABLE run", "9" * 5000, "-" + "9" * 5000, "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_numbers_of_a_query_are_plain_digits(api, browser_of, alice, private_run, odd):
    for path in ("/projects/", "/runs/", f"/metrics/{private_run}"):
        for name in ("skip", "limit"):
            answer = api(alice).get(path, query_string={name: odd})
            assert answer.status_code == 400, (path, name)
            check(answer)
    assert api(alice).get("/runs/", query_string={"project_id": odd}).status_code == 400
    assert api(alice).post("/runs/", {}, query_string={"project_id": odd}).status_code == 400
    drawn = {"name": "metric only-for-alice"}
    for name in ("skip", "limit", "points", "min", "max", "x", "log", "tab", "sort", "q", "since", "name"):
        for path in (f"/metrics/{private_run}/chart", f"/app/runs/{private_run}/charts", f"/app/runs/{private_run}",
                     "/app/projects/1", "/", "/projects/", f"/ws/{private_run}"):  # fmt: skip
            check(browser_of(alice).get(path, query_string=drawn | {name: odd}), path, name)


def test_bounds_are_0_and_1000(api, alice, private_run):
    assert api(alice).get("/runs/?limit=1000&skip=0").status_code == 200
    assert api(alice).get("/runs/?limit=0").status_code == 400
    assert api(alice).get("/runs/?limit=5001").status_code == 400
    assert api(alice).get("/runs/?skip=9223372036854775807").status_code == 200
    assert api(alice).get("/runs/?skip=9223372036854775808").status_code == 400
    assert api(alice).get(f"/metrics/{private_run}?limit=100000").status_code == 200
    assert api(alice).get(f"/metrics/{private_run}?limit=100001").status_code == 400
    assert api(alice).get(f"/metrics/{private_run}/chart?name=x&points=1000000000").status_code == 400


@pytest.mark.parametrize(
    "odd",
    ["0", "-1", "1" + "0" * 20, "9223372036854775807", "9223372036854775808", "1%00", "%00", "1;DROP", "1.0", "1e0", "\U0001f600",
     "x" * 4000, "1%2F..%2F2", "%27", "null", "undefined", "{id}", "١", "%ff", "%ed%a0%80", "01" + "0" * 30],
)  # fmt: skip
def test_an_odd_id_is_no_such_thing(api, alice, odd):
    for path in ("/runs/{}", "/projects/{}", "/metrics/{}", "/metrics/{}/summary", "/metrics/{}/history/loss", "/app/runs/{}",
                 "/app/projects/{}", "/app/runs/{}/charts", "/metrics/{}/chart?name=x"):  # fmt: skip
        answer = api(alice).get(path.format(odd))
        check(answer, path)
        assert answer.status_code == (400 if "%00" in odd else 404)
    assert api(alice).delete(f"/auth/keys/{odd}").status_code in {400, 404, 405}
    assert api(alice).post(f"/metrics/{odd}", {"name": "x", "value": 1}).status_code in {400, 404, 405}


@pytest.mark.parametrize(
    "name", ["%00", "a%00b", "%ff", "%ed%a0%80", "x" * 251, "x" * 5000, "%0d%0a", "..", "../..", "%2e%2e", "/", "//"]
)
def test_an_odd_name_of_a_metric_is_unknown(api, alice, private_run, name):
    for path in (f"/metrics/{private_run}/history/{name}", f"/metrics/{private_run}/chart?name={name}"):
        answer = api(alice).get(path)
        check(answer, path)
        assert answer.status_code in {400, 404}, path
    for path in (f"/metrics/{private_run}?metric_name={name}", f"/projects/?name={name}", f"/app/charts?runs={private_run}&name={name}",
                 f"/app/projects/1?sort=metric:{name}", f"/app/projects/1?q={name}"):  # fmt: skip
        check(api(alice).get(path), path)


@pytest.mark.parametrize(
    "step", ["9223372036854775808", "-9223372036854775809", "1.5", "true", '"1"', "[]", "{}", "1.5e0", "NaN"]
)
def test_a_step_is_a_whole_number_of_64_bits(api, alice, private_run, step):
    for path, rest in (
        (f"/metrics/{private_run}", '"name":"a","value":1'),
        (f"/metrics/{private_run}/batch", '"metrics":{"a":1}'),
    ):
        answer = api(alice).post(path, data=f'{{{rest},"step":{step}}}', **JSON)
        assert answer.status_code == 400
        assert answer.json["errors"][0]["loc"] == ["body", "step"]
    body = f'{{"series":{{"a":{{"values":[1],"steps":[{step}]}}}}}}'
    assert api(alice).post(f"/metrics/{private_run}/bulk", data=body, **JSON).status_code == 400


@pytest.mark.parametrize("value", ["null", '"x"', "[]", "{}", '"1"', '""', '"nan"', '"inf"', "[1]"])
def test_a_value_is_a_number(api, alice, private_run, value):
    for path, body in (
        (f"/metrics/{private_run}", f'{{"name":"a","value":{value}}}'),
        (f"/metrics/{private_run}/batch", f'{{"metrics":{{"a":{value},"b":1}}}}'),
        (f"/metrics/{private_run}/bulk", f'{{"series":{{"a":{{"values":[1,{value}]}}}}}}'),
    ):
        assert api(alice).post(path, data=body, **JSON).status_code == 400, path
    assert {row["name"] for row in api(alice).get(f"/metrics/{private_run}/summary").json} == {"metric only-for-alice"}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
    | st.sampled_from(["NaN", "2023-01-01T00:00:00", "9999-12-31T23:59:59.999999-23:59", "0001-01-01", "running", "\0", "a@b", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12,
)  # fmt: skip
FIELDS = ["name", "description", "is_public", "config", "tags", "notes", "status", "ended_at", "value", "step", "timestamp", "metrics",
          "series", "client", "seq", "values", "steps", "timestamps", "run_id", "scope", "expires_at", "exist_ok", "email"]  # fmt: skip
SERIES = st.dictionaries(
    st.text(max_size=5), st.dictionaries(st.sampled_from(FIELDS[15:18]), ANYTHING, max_size=3), max_size=2
)


@pytest.mark.slow
def test_no_mixture_of_known_fields_and_odd_values_breaks_a_door(api, alice, doors):
    @seed(0)
    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING | SERIES, max_size=5), st.sampled_from(doors))
    def mix(body, door):
        data = json.dumps(body).encode("utf-8", "surrogatepass")
        check(api(alice).open(door[1], method=door[0], data=data, **JSON), door, body)

    mix()


@pytest.mark.parametrize("text", ["(" * 100_000, "a" * 100_000, "[" * 50_000, "*" * 50_000, "`" * 50_000, "> " * 30_000, "[a](" * 20_000,
                                  "_a*" * 30_000, "\n" * 60_000, "|a" * 30_000, "<" * 50_000, "&#" * 30_000], ids=range(12))  # fmt: skip
def test_long_repetitions_take_no_long_time(api, browser_of, alice, private_run, text):
    check(api(alice).put(f"/runs/{private_run}", {"notes": text[:65_000], "tags": [text[:100]], "config": {"a": text}}))
    for path in (f"/app/runs/{private_run}?tab=overview", "/app/projects/1?sort=config:a"):
        assert browser_of(alice).get(path).status_code == 200
    for path in ("/", "/app/projects/1", "/login"):
        check(browser_of(alice).get(path, query_string={"q": text, "sort": text, "next": "/" + text}))
