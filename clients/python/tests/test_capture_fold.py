"""What is printed becomes lines, and what redraws itself few of them."""

import io

import pytest

from ai_manager._capture.fold import EVERY, LONGEST, QUIET, REACH, Fold


class Screen(io.StringIO):
    """A stream whose clock moves on by a tenth of a second with each write, as its fold hears it."""

    def __init__(self):
        super().__init__()
        self.fold, self.now, self.lines = Fold(), 0.0, []

    def write(self, text):
        self.now += 0.1
        self.lines += self.fold.feed(text, self.now) + self.fold.tick(self.now)
        return len(text)

    def close(self):
        self.lines += self.fold.close(self.now)

    @property
    def texts(self):
        return [line for _, text in self.lines for line in text.split("\n")]


@pytest.fixture
def screen():
    return Screen()


def shown(*pieces):
    """The lines that some output leaves, all of it printed in one moment."""
    fold = Fold()
    texts = [text for piece in pieces for _, text in fold.feed(piece, 1.0)]
    return [line for text in [*texts, *(text for _, text in fold.close(1.0))] for line in text.split("\n")]


def test_a_line_leaves_at_its_newline_and_the_rest_at_the_end():
    fold = Fold()
    assert fold.feed(b"one\ntwo\nthr", 1.0) == [(1.0, "one\ntwo")]
    assert fold.feed(b"ee\n", 2.0) == [(2.0, "three")]
    assert fold.feed(b"four", 3.0) == []
    assert fold.close(4.0) == [(3.0, "four")]


def test_empty_lines_and_blanks_at_the_start_are_kept():
    assert shown("\n\n  a\n\nb\n") == ["", "", "  a", "", "b"]


def test_colours_stay():
    assert shown("\x1b[1;31mred\x1b[0m\n") == ["\x1b[1;31mred\x1b[0m"]


def test_titles_bells_and_sequences_that_do_not_print_are_left_out():
    assert shown("\x1b]0;title\x07a\x1b[?25lb\x1b(Bc\x00\x07d\x1b[5ne\n") == ["abcde"]


@pytest.mark.parametrize(
    "text", ["caffè ✓ 日本\n", "\x1b[32mgreen\x1b[0m\n", "ab\r\ncd\n", "10%\r20%\n", "\x1b]0;t\x07x\n"]
)
def test_it_does_not_matter_where_the_output_was_cut(text):
    data = text.encode()
    for at in range(len(data)):
        assert shown(data[:at], data[at:]) == shown(data)
    assert shown(*(data[at : at + 1] for at in range(len(data)))) == shown(data)


def test_bytes_that_are_no_text_are_marked_and_lose_nothing_else():
    assert shown(b"a\xff\xfeb\n") == ["a\ufffd\ufffdb"]


def test_a_bar_that_redraws_itself_ten_thousand_times_is_a_line_now_and_then(screen):
    for done in range(10_000):
        screen.write(f"\r{done + 1:5}/10000 |####      |")
    screen.write("\nnext\n")
    assert len(screen.lines) <= 10_000 * 0.1 / EVERY + 2
    assert screen.texts[-2:] == ["10000/10000 |####      |", "next"]


def test_a_bar_that_ends_with_the_carriage_return_is_one_as_well(screen):
    for done in range(1_000):
        screen.write(f"{done}%\r")
    screen.write("\n")
    assert len(screen.lines) <= 1_000 * 0.1 / EVERY + 2
    assert screen.texts[-1] == "999%"


def test_backspaces_take_back_what_was_printed():
    assert shown("loading |\b/\b-\b", "done\n") == ["loading done"]


def test_bars_of_tqdm_one_below_the_other_keep_their_last_states(screen):
    tqdm = pytest.importorskip("tqdm")
    for _ in tqdm.trange(3, file=screen, desc="outer", mininterval=0):
        for _ in tqdm.trange(300, file=screen, desc="inner", mininterval=0, leave=False):
            pass
    screen.write("after\n")
    screen.close()
    assert len(screen.lines) < 20 + screen.now / EVERY * 2
    assert "3/3" in screen.texts[-2]
    assert screen.texts[-1] == "after"


def test_a_display_of_several_rows_that_moves_the_cursor_up_is_a_few_lines(screen):
    screen.write("first: 0\nsecond: 0\n")
    for done in range(2_000):
        screen.write(f"\x1b[2A\x1b[2Kfirst: {done}\n\x1b[2Ksecond: {done}\n")
    screen.write("after\n")
    assert len(screen.lines) <= 2 * (2_000 * 0.1 / EVERY + 2)
    assert screen.texts[-3:] == ["first: 1999", "second: 1999", "after"]


def test_the_live_display_of_rich_is_a_few_lines(screen):
    live = pytest.importorskip("rich.live")
    console = pytest.importorskip("rich.console").Console(file=screen, force_terminal=True, highlight=False)
    with live.Live(console=console, auto_refresh=False) as display:
        for done in range(1_000):
            display.update(f"epoch {done // 100}\nstep {done}", refresh=True)
    console.print("after")
    assert len(screen.lines) < 10 + 3 * screen.now / EVERY
    assert [text for text in screen.texts if text.strip()][-2:] == ["step 999", "after"]
    assert {f"epoch {number}" for number in range(10)} <= {*screen.texts}


def test_a_line_without_an_end_is_shown_when_nothing_more_comes():
    fold = Fold()
    fold.feed("Loading...", 1.0)
    assert fold.tick(1.0 + QUIET / 2) == []
    assert fold.tick(1.0 + QUIET) == [(1.0, "Loading...")]
    assert fold.tick(1.0 + 10 * EVERY) == []
    assert fold.feed("\n", 200.0) == []
    fold.feed("Saving...", 200.0)
    assert fold.tick(200.0 + QUIET) == [(200.0, "Saving...")]
    assert fold.feed(" done\n\n", 300.0) == [(300.0, " done\n")]


def test_a_line_that_never_ends_takes_no_more_memory_than_the_longest():
    fold = Fold()
    lines = [line for _ in range(100) for line in fold.feed("x" * (LONGEST // 10), 1.0)] + fold.close(1.0)
    assert sum(len(text) for _, text in lines) == 100 * (LONGEST // 10)
    assert max(len(text) for _, text in lines) <= 2 * LONGEST


def test_a_display_of_more_rows_than_are_remembered_loses_none():
    rows = [f"row {number}" for number in range(3 * REACH)]
    assert shown("\r".join(["", *(f"{row}\n" for row in rows)])) == rows
