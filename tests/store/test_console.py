"""Console output: what a terminal would show is kept, in chunks, and found again."""

import random

import pytest
from sqlalchemy import select

from aimanager.store.chunks.checksum import Damaged
from aimanager.store.console import Console, Lines, chunk
from aimanager.store.console.chunk import Batch, Line
from aimanager.store.console.screen import Cursor, is_plain, write
from aimanager.store.console_tables import console_chunk, console_stream
from tests.store.factories import open_database


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


def stored(database, run):
    """The run's row and its chunks, without the run's number."""
    with database.reading() as connection:
        return [
            [
                tuple(row)[1:]
                for row in connection.execute(select(table).where(table.c.run_no == run).order_by(*table.primary_key))
            ]
            for table in (console_stream, console_chunk)
        ]


class Screen:
    """The lines of one process in a list."""

    def __init__(self):
        self.lines, self.cursor = [], Cursor()

    def append(self, text):
        self.lines.append(text)
        return len(self.lines)

    def text(self, number):
        return self.lines[number - 1]

    def replace(self, number, text):
        self.lines[number - 1] = text

    def before(self, number):
        return (len(self.lines) if number is None else number - 1) or None

    def write(self, *texts, partial=False):
        for text in texts:
            write(self, self.cursor, text, partial)
        return self.lines


def test_plain_lines_are_kept_as_they_come():
    assert Screen().write("one", "", "  three\ttabs") == ["one", "", "  three\ttabs"]


def test_only_the_last_state_of_a_line_that_was_written_over_is_kept():
    assert Screen().write(" 1%|#\r 50%|##\r100%|####", "after") == ["100%|####", "after"]


def test_a_line_that_ends_with_a_return_is_kept():
    assert Screen().write("windows\r", "endings\r") == ["windows", "endings"]


def test_a_bar_that_comes_in_parts_is_one_line():
    screen = Screen()
    for done in range(5):
        screen.write(f"\r{done} of 4", partial=True)
        assert screen.lines == [f"{done} of 4"]
    screen.write("")
    assert screen.write("next") == ["4 of 4", "next"]


def test_parts_of_a_line_are_put_together():
    screen = Screen()
    screen.write("a", "b", partial=True)
    assert screen.write("c", "d") == ["abc", "d"]


def test_bars_below_each_other_are_written_over_in_their_lines():
    # As tqdm does with `position`: down, the bar, and up again.
    screen = Screen()
    for done in range(3):
        screen.write(f"\router {done}", partial=True)
        screen.write("")
        screen.write(f"\rinner {done}\x1b[A", partial=True)
    assert screen.lines == ["outer 2", "inner 2"]


def test_a_live_display_is_redrawn_in_its_place():
    # As rich does: to the beginning, erase, up, erase, and the lines again.
    screen = Screen()
    screen.write("before")
    screen.write("table 0")
    screen.write("foot 0", partial=True)
    for frame in range(1, 4):
        screen.write(f"\r\x1b[2K\x1b[1A\x1b[2Ktable {frame}")
        screen.write(f"foot {frame}", partial=True)
    screen.write("")
    assert screen.write("after") == ["before", "table 3", "foot 3", "after"]


def test_who_goes_back_by_backspaces_writes_over():
    assert Screen().write("|\b/\b-\b\\") == ["\\"]
    assert Screen().write("10%\b\b\b20%\b\b\b30%") == ["30%"]


def test_colours_are_kept_and_said_again_where_they_go_on():
    lines = Screen().write("\x1b[31mError", "  in a file", "\x1b[0mplain again", "plain")
    assert lines == ["\x1b[31mError", "\x1b[31m  in a file", "plain again", "plain"]


def test_other_escape_sequences_are_dropped():
    text = "\x1b]0;title\x07\x1b[?25la\x1b[3;4Hb\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\\x1b(B\x1bPsecret\x1b\\\x1b7c\x1b[>1mz"
    assert Screen().write(text) == ["ablinkcz"]


@pytest.mark.parametrize(
    "text", ["\x1b", "\x1b[", "\x1b[31", "\x1b]0;never ended", "\x9b31m", "\x1b[31;", "\x00\x01\x7f"]
)
def test_a_sequence_without_an_end_does_no_harm(text):
    screen = Screen()
    screen.write(f"before{text}", "after")
    assert screen.lines[0].startswith("before")
    assert screen.lines[-1] == "after"
    assert "\x1b" not in screen.lines[0]


def test_random_bytes_never_break_the_screen():
    chance = random.Random(8)
    pieces = [
        "\r",
        "\n",
        "\b",
        "\x1b[A",
        "\x1b[3B",
        "\x1b[K",
        "\x1b[2K",
        "\x1b[J",
        "\x1b[31m",
        "\x1b[0m",
        "x",
        "héllo",
        "\x1b[",
    ]
    for _ in range(300):
        screen = Screen()
        for _ in range(chance.randrange(30)):
            text = "".join(chance.choices(pieces, k=chance.randrange(12))).replace("\n", "")
            screen.write(text, partial=chance.random() < 0.5)
        assert all("\r" not in line and "\n" not in line and "\b" not in line for line in screen.lines)


def test_a_line_that_is_called_plain_is_what_a_screen_would_show():
    chance = random.Random(11)
    pieces = [
        "x",
        "two words ",
        "\x1b[31m",
        "\x1b[1;32m",
        "\x1b[0m",
        "\x1b[m",
        "\x1b[0;31m",
        "\x1b[00m",
        "\x1b[38;5;208m",
        "\x1b[K",
        "\r",
    ]
    plain = 0
    for _ in range(5000):
        text = "".join(chance.choices(pieces, k=chance.randrange(9)))
        if is_plain(text):
            plain += 1
            screen = Screen()
            assert screen.write(text) == [text]
            assert screen.cursor == Cursor()
    assert plain > 300
    assert is_plain("\x1b[32m[20]\x1b[0m val/accuracy 0.9")
    assert is_plain("\x1b[1m\x1b[31mERROR\x1b[0m at \x1b[4mhere\x1b[m")
    assert not is_plain("\x1b[31mgoes on")


def test_many_lines_at_once_become_the_chunks_that_they_become_one_by_one(database):
    chance = random.Random(12)
    texts = [
        "short",
        "x" * 3000,
        "",
        "ünïcode",
        "\x1b[31mred\x1b[0m",
        "\x1b[31mred",
        "\x1b[0m",
        "50%\r100%",
        "y" * 140_000,
    ]
    lines = [
        (Line(chance.randrange(2), chance.choice((-1, 0, 3)), 1_000 * n, text), chance.random() < 0.02)
        for n, text in enumerate(chance.choices(texts, weights=(900, 9, 9, 9, 9, 1, 2, 5, 1), k=20_000))
    ]
    console = Console(database, most=1 << 30)
    console.append(1, 1, Lines.of(lines))
    for at in range(0, len(lines), 71):
        console.append(2, 1, Lines.of(lines[at : at + 71]))
    assert stored(database, 1) == stored(database, 2)


def test_a_chunk_gives_back_what_was_packed():
    lines = [
        Line(0, -1, 1_700_000_000_000_000, "plain"),
        Line(1, 3, 1_700_000_000_123_000, "\x1b[31mred \x00 nul ‮ right to left"),
        Line(0, 2**31 - 1, 1_600_000_000_000_000, ""),
    ]
    unpacked = chunk.unpack(chunk.pack(Batch.of(lines), full=True)).lines()
    assert unpacked[:2] == lines[:2]
    assert unpacked[2].text == ""


def test_each_flipped_bit_of_a_chunk_is_noticed():
    body = bytearray(
        chunk.pack(Batch.of(Line(0, -1, 1_700_000_000_000_000, f"line {n}") for n in range(50)), full=False)
    )
    for bit in range(8, 8 * len(body), 7):
        body[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            chunk.unpack(bytes(body))
        body[bit // 8] ^= 1 << bit % 8
