"""Half of a surrogate pair, as file names and broken files have them, is U+FFFD wherever it is said: nothing raises, and the rest is kept."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from ai_manager import AIManager
from ai_manager._values import whole_json

HALF = "a\udcffb"
MENDED = "a\ufffdb"

pytestmark = pytest.mark.slow


@pytest.fixture
def manager(real_server):
    return AIManager("halves", real_server.url, username="reader", password="a long password")


def test_a_half_of_a_pair_is_replaced_wherever_a_run_says_it_and_the_rest_is_kept(manager, caplog):
    with manager.run(name=HALF, config={HALF: HALF, "lr": 0.1}, tags=[HALF, "plain"], capture="none") as run:
        run.log({HALF: 1.0, "loss": 2.0})
        run.tag(HALF + " too")
        run.note(HALF)
        run.summary[HALF] = HALF
        run.define(HALF, goal="min", x=HALF)
        run.alert(HALF, HALF)
        run.update_config({"later": {HALF: [HALF]}})
        run.say("environment", {"command": HALF, "host": "h"})
        run.say("lines", [{"stream": "stdout", "time": 1.0, "text": text} for text in (HALF, "plain")])
    assert run.dropped == 0
    found = manager.get_run(run.id)
    assert (found.name, found.notes, found.tags) == (MENDED, MENDED, [MENDED, "plain", MENDED + " too"])
    assert found.config == {MENDED: MENDED, "lr": 0.1, "later": {MENDED: [MENDED]}}
    assert {name: metric.last for name, metric in found.metrics.items()} == {MENDED: 1.0, "loss": 2.0}
    assert found.fields["summary"] == {MENDED: MENDED}
    said = manager._transport.call("GET", f"/runs/{run.id}/environment")["environment"]
    assert (said["command"], said["host"]) == (MENDED, "h")
    with manager._transport.open(f"/runs/{run.id}/alerts") as answer:
        (alert,) = answer.json(list)
    assert (alert["title"], alert["text"]) == (MENDED, MENDED)
    lines = manager._transport.call("GET", f"/runs/{run.id}/logs")["lines"]
    assert [line["text"] for line in lines] == [MENDED, "plain"]
    assert caplog.text == ""


def test_a_secret_of_the_environment_that_is_no_text_does_not_end_the_console(real_server):
    script = textwrap.dedent("""
        import os, sys
        from ai_manager import AIManager
        manager = AIManager("halves", os.environ["URL"], username="reader", password="a long password")
        with manager.run(capture="console") as run:
            print("plain")
            sys.stdout.flush()
            sys.stdout.buffer.write(b"it is " + os.environb[b"THE_TOKEN"] + b"\\n")
            sys.stdout.flush()
        lines = manager._transport.call("GET", f"/runs/{run.id}/logs")["lines"]
        print([line["text"] for line in lines])
    """)
    environment = {**os.environb, b"URL": real_server.url.encode(), b"THE_TOKEN": b"\xff\xfesecret-thing"}
    environment.pop(b"AI_MANAGER_CAPTURE", None)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode(errors="replace").splitlines()[-1] == "['plain', 'it is ***']"


@pytest.mark.parametrize(
    "text", ["\ud83d\ude00", "\\ud83d", "\\\ud83d", "\ud83d\ud83d\ude00\ude00", "\udcff\U0001f600", "\\\\\udc00"]
)
def test_json_keeps_whole_pairs_and_what_only_looks_like_a_half(text):
    found = json.loads(whole_json(json.dumps({text: [text]})))
    expected = json.loads(json.dumps(text))  # Two halves beside each other are a pair by then.
    expected = "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in expected)
    assert found == {expected: [expected]}
