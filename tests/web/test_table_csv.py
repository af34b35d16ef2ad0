import csv
import io
from urllib.parse import urlencode

import pytest


@pytest.fixture
def sheet(look, alice, project):
    """The rows of the file, the head first."""

    def read(who=alice, **query):
        answer = look(who, f"/app/projects/{project}/runs.csv?{urlencode(query, doseq=True)}")
        assert answer.status_code == 200
        assert answer.mimetype == "text/csv"
        return list(csv.reader(io.StringIO(answer.text)))

    return read


@pytest.fixture
def project(alice, make_project, make_run, make_points):
    project = make_project(alice, "a/b")
    for n in range(5):
        run = make_run(alice, project, name=f"run {n}", config={"lr": 10**-n, "on": n > 2}, tags=["a", "b"])
        make_points(alice, run, **{"val/loss": [n + 0.5, "NaN" if n == 4 else -n]})
    return project


def test_the_file_has_the_columns_that_are_shown_of_all_runs_that_pass(sheet, monkeypatch):
    monkeypatch.setattr("aimanager.web.table_csv.AT_ONCE", 2)
    show = ["config.lr", "metrics.val/loss", "metrics.val/loss.max", "tags", "config.on", "duration", "config.none"]
    assert sheet(show=show, sort="config.lr", q="config.lr < 1") == [
        ["id", "name", *show],
        ["5", "run 4", "0.0001", "NaN", "4.5", "a, b", "true", "", ""],
        ["4", "run 3", "0.001", "-3.0", "3.5", "a, b", "true", "", ""],
        ["3", "run 2", "0.01", "-2.0", "2.5", "a, b", "false", "", ""],
        ["2", "run 1", "0.1", "-1.0", "1.5", "a, b", "false", "", ""],
    ]


def test_without_a_choice_it_has_the_automatic_columns(sheet):
    head = [
        "id",
        "name",
        "metrics.val/loss",
        "metrics.val/loss.best",
        "config.lr",
        "config.on",
        "created",
        "duration",
        "tags",
    ]
    assert sheet()[0] == head
    assert len(sheet()) == 6
    assert sheet(q="nothing of this") == [head]


def test_a_sheet_takes_no_text_of_a_run_for_a_formula(sheet, alice, project, make_run):
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "-2,5"]
    make_run(
        alice,
        project,
        name="=HYPERLINK(1)",
        config={f"k{n}": text for n, text in enumerate(formulas)},
        tags=["=a"],
        notes="-x",
    )
    _, first, *_ = sheet(show=[*(f"config.k{n}" for n in range(6)), "tags", "notes"])
    assert first == ["6", "'=HYPERLINK(1)", *(f"'{text}" for text in formulas), "'=a", "'-x"]


def test_what_cannot_be_understood_is_refused_not_answered_with_all_runs(look, alice, project):
    assert look(alice, f"/app/projects/{project}/runs.csv?q=loss+%3E").status_code == 400


def test_the_file_is_called_like_the_project(look, alice, project):
    assert "a-b runs.csv" in look(alice, f"/app/projects/{project}/runs.csv").headers["Content-Disposition"]
