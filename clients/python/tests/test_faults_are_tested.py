"""The list of faults names tests that there are."""

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_every_test_that_the_list_of_faults_names_is_there():
    named = set(re.findall(r"`(test_\w+)`", (HERE / "README.md").read_text()))
    there = set(re.findall(r"^def (test_\w+)", "\n".join(path.read_text() for path in HERE.glob("test_*.py")), re.M))
    assert len(named) > 70
    assert named <= there
