"""`/runs/{id}/logs`: console output in and out."""

import gzip
import json
import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from aimanager.extensions import db
from aimanager.store.console_tables import console_chunk, console_stream, console_writer

AT = 1_700_000_000.0


@pytest.fixture
def run(alice, make_run) -> int:
    return make_run(alice, name="chatty")


def line(text, stream="stdout", **more):
    return {"stream": stream, "time": AT, "text": text, **more}


@pytest.fixture
def send(api, alice, run):
    def send(*lines, of=run, **more):
        sent = [one if isinstance(one, dict) else line(one) for one in lines]
        return api(alice).post(f"/runs/{of}/logs", json={"lines": sent, **more})

    return send


@pytest.fixture
def texts(api, alice, run):
    def texts(**query):
        return [one["text"] for one in api(alice).get(f"/runs/{run}/logs", query_string=query).json["lines"]]

    return texts


def test_lines_come_back_in_order_with_their_numbers_streams_times_and_ranks(api, alice, run, send):
    answer = send("first", line("second", "stderr", time=AT + 0.25), line("third", rank=3))
    assert answer.json == {"message": "Kept 3 lines", "last_line": 3, "left_out": 0}
    assert api(alice).get(f"/runs/{run}/logs").json == {
        "lines": [
            {"line": 1, "stream": "stdout", "time": AT, "text": "first"},
            {"line": 2, "stream": "stderr", "time": AT + 0.25, "text": "second"},
            {"line": 3, "stream": "stdout", "time": AT, "text": "third", "rank": 3},
        ],
        "first": 1,
        "last": 3,
        "last_line": 3,
        "settled": 0,
        "left_out": 0,
    }


def test_a_run_without_lines_has_none(api, alice, run):
    answer = api(alice).get(f"/runs/{run}/logs").json
    assert (answer["lines"], answer["last_line"]) == ([], 0)


def test_pages_cover_all_lines_once_in_both_directions(send, texts):
    everything = [f"line {n}" for n in range(1, 2501)]
    for start in range(0, 2500, 500):
        send(*everything[start : start + 500])
    pages = [texts(after=after, limit=700) for after in range(0, 2500, 700)]
    assert [text for page in pages for text in page] == everything
    assert texts(before=1001, limit=10) == everything[990:1000]
    assert texts(after=-3) == everything[-3:]
    assert texts(after=2500) == texts(before=1) == []


def test_lines_of_many_chunks_come_back_whole(send, texts):
    everything = [f"{n} " + "x" * 300 for n in range(2000)]
    send(*everything)
    assert texts(limit=10000) == everything
    assert texts(before=1500, limit=600) == everything[899:1499]
    assert texts(q="1999 ") == everything[-1:]


def test_lines_are_found_by_text_stream_and_rank_as_they_are_read(send, texts):
    send("Loss \x1b[32m0.5\x1b[0m", line("WARNING: loss", "stderr", rank=1), line("nothing", rank=1), "größe ÄÖ")
    assert texts(q="loss 0.5") == ["Loss \x1b[32m0.5\x1b[0m"]
    assert texts(q="LOSS") == ["Loss \x1b[32m0.5\x1b[0m", "WARNING: loss"]
    assert texts(q="äö") == ["größe ÄÖ"]
    assert texts(stream="stderr") == ["WARNING: loss"]
    assert texts(rank=1) == ["WARNING: loss", "nothing"]
    assert texts(rank=1, stream="stdout", q="not") == ["nothing"]
    assert texts(q="[32m") == []


def test_a_batch_is_kept_once_and_one_out_of_turn_is_refused(send, texts):
    first = {"client": "a-client", "seq": 1}
    assert send("one", **first).json["last_line"] == 1
    assert send("one", **first).json == {"message": "Kept 1 lines", "last_line": 1, "left_out": 0}
    assert "other lines" in send("changed", **first).json["detail"]
    gap = send("three", client="a-client", seq=3)
    assert (gap.status_code, "expected is 2" in gap.json["detail"]) == (409, True)
    assert send("two", client="a-client", seq=2).json["last_line"] == 2
    assert send("other", client="b-client", seq=1).json["last_line"] == 3
    assert texts() == ["one", "two", "other"]


def test_numbers_of_lines_are_counted_apart_from_those_of_points(api, alice, run, send):
    api(alice).post(f"/metrics/{run}/bulk", json={"client": "a-client", "seq": 1, "series": {"loss": {"values": [1]}}})
    assert send("one", client="a-client", seq=1).status_code == 200


def test_a_progress_bar_is_one_line_in_its_last_state(send, texts):
    for done in (10, 50, 100):
        send(line(f"\r{done}%", "stderr", partial=True))
        assert texts() == [f"{done}%"]
    send(line("", "stderr"), "done")
    assert texts() == ["100%", "done"]


def test_bars_of_processes_do_not_touch_each_other(send, texts):
    for done in range(3):
        send(*[line(f"\rrank {rank}: {done}", "stderr", rank=rank, partial=True) for rank in range(4)])
    assert texts() == [f"rank {rank}: 2" for rank in range(4)]


def test_a_settled_line_is_never_written_over(api, alice, run, send):
    send(line("bar 1", partial=True))
    send(*[line("between", "stderr")] * 300)
    before = api(alice).get(f"/runs/{run}/logs").json
    send(line("\rbar 2"), line("\x1b[250A\rfar up", "stderr"))
    after = api(alice).get(f"/runs/{run}/logs").json
    assert before["settled"] == 101
    assert after["lines"][: before["settled"]] == before["lines"][: before["settled"]]
    assert [one["text"] for one in after["lines"]][301] == "bar 2"


@pytest.mark.parametrize(
    "text", ["nul \x00", "bell \x07", "‮right to left", "<script>alert(1)</script>", "\x1b]8;;javascript:1\x07x", "𝕏 🎉"]
)
def test_whatever_a_program_writes_is_kept_as_text(send, texts, text):
    assert send(text).status_code == 200
    assert texts() == ["x" if "javascript" in text else text]


def test_what_is_not_text_is_mended_and_the_rest_of_the_batch_is_kept(api, alice, run, texts):
    wrong = b'{"lines": [{"stream": "stdout", "time": 1, "text": "a \xff\xfe b"},'
    half = rb'{"stream": "stdout", "time": 1, "text": "half \ud83d and pair \ud83d\ude00 and \\ud83d"}]}'
    assert api(alice).post(f"/runs/{run}/logs", data=wrong + half, content_type="application/json").status_code == 200
    assert texts() == ["a �� b", "half � and pair 😀 and \\ud83d"]


def test_a_text_with_line_breaks_is_several_lines(send, texts):
    send("a\nb\n", "c")
    assert texts() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([line("x" * 1_000_001)], "lines.0.text must have at most 1000000 characters"),
        ([line("x")] * 10_001, "lines must have at most 10000 items"),
        ([{"stream": "stdin", "time": 1, "text": "x"}], "lines.0.stream should be"),
        ([{"stream": "stdout", "text": "x"}], "lines.0.time is missing"),
        ([line("x", rank=-1)], "lines.0.rank should be"),
        ([line("x", colour="red")], "lines.0.colour is not a field"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_place_and_the_limit(send, texts, lines, words):
    answer = send(*lines)
    assert answer.status_code == 400
    assert words in answer.json["detail"]
    assert texts() == []


def test_the_longest_line_comes_back_whole(send, texts):
    send("x" * 1_000_000)
    assert texts() == ["x" * 1_000_000]


def test_a_packed_batch_is_taken(api, alice, run, texts):
    data = gzip.compress(json.dumps({"lines": [line("packed")]}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert api(alice).post(f"/runs/{run}/logs", data=data, headers=headers).status_code == 200
    assert texts() == ["packed"]


class TestOfLittleRoom:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, console_limit=1000)

    def test_beyond_the_bound_lines_are_counted_and_said(self, api, alice, run, send, texts):
        answer = send(*["x" * 99] * 12).json
        assert answer == {
            "message": "Kept 10 of 12 lines: the run has as much console output as is kept of one",
            "last_line": 10,
            "left_out": 2,
        }
        assert send("one more").json["left_out"] == 1
        assert len(texts()) == 10
        assert api(alice).get(f"/runs/{run}/logs").json["left_out"] == 3


def test_many_writers_at_once_lose_nothing(api, alice, run, texts):
    def write(name):
        for seq in range(1, 11):
            sent = {"client": name, "seq": seq, "lines": [line(f"{name} {seq}")]}
            assert api(alice).post(f"/runs/{run}/logs", json=sent).status_code == 200

    writers = [threading.Thread(target=write, args=(f"client-{n}",)) for n in range(5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(texts()) == sorted(f"client-{n} {seq}" for n in range(5) for seq in range(1, 11))


def rows_of(app, run) -> int:
    with app.app_context():
        tables = (console_stream, console_chunk, console_writer)
        queries = [sa.select(sa.func.count()).select_from(table).where(table.c.run_no == run) for table in tables]
        return sum(db.session.scalar(query) for query in queries)


def test_the_lines_go_with_the_run(app, api, alice, run, send):
    send("one", client="a", seq=1)
    assert rows_of(app, run) == 3
    assert api(alice).delete(f"/runs/{run}").status_code == 204
    assert api(alice).get(f"/runs/{run}/logs").status_code == 404
    assert send("late").status_code == 404
    app.extensions["aimanager"].metric_store.sweep()
    assert rows_of(app, run) == 0
