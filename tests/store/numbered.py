"""What a writer's numbers must do in every engine; part of the contract."""

import pytest

from aimanager.store import OutOfTurn
from tests.store.factories import column, log


class Numbered:
    def test_a_repeat_is_answered_as_the_first_time_and_not_stored(self, store):
        log(store, 1, column("other", [1, 2, 3]))
        first = log(store, 1, column("loss", [1, 2]), column("acc", [1, 2]), writer="w", seq=1, fingerprint=b"x" * 16)
        log(store, 1, column("other", [4]))
        again = log(store, 1, column("loss", [1, 2]), column("acc", [1, 2]), writer="w", seq=1, fingerprint=b"x" * 16)
        assert again.repeated
        assert not first.repeated
        assert (again.count, again.first_id, again.last_id) == (first.count, first.first_id, first.last_id) == (4, 4, 7)
        assert again.steps.tolist() == first.steps.tolist()
        assert again.times.tolist() == first.times.tolist()
        assert store.points(1).total == 8

    def test_a_repeat_of_an_older_request_is_acknowledged_and_not_stored(self, store):
        for seq in (1, 2, 3):
            log(store, 1, column("loss", [seq]), writer="w", seq=seq)
        receipt = log(store, 1, column("loss", [1]), writer="w", seq=1)
        assert (receipt.repeated, receipt.count, receipt.last_id) == (True, 1, 3)
        assert store.points(1).total == 3

    @pytest.mark.parametrize("seq", [3, 4, 2**40])
    def test_a_gap_is_refused_with_the_number_expected(self, store, seq):
        log(store, 1, column("loss", [1]), writer="w", seq=1)
        with pytest.raises(OutOfTurn) as refused:
            log(store, 1, column("loss", [2]), writer="w", seq=seq)
        assert (refused.value.reason, refused.value.expected) == ("gap", 2)
        assert store.points(1).total == 1

    def test_a_writer_begins_with_1(self, store):
        with pytest.raises(OutOfTurn) as refused:
            log(store, 1, column("loss", [1]), writer="w", seq=2)
        assert refused.value.expected == 1
        with pytest.raises(ValueError, match="from 1"):
            log(store, 1, column("loss", [1]), writer="w", seq=0)

    def test_the_last_number_with_another_body_is_refused(self, store):
        log(store, 1, column("loss", [1]), writer="w", seq=1, fingerprint=b"a" * 16)
        with pytest.raises(OutOfTurn) as refused:
            log(store, 1, column("loss", [2]), writer="w", seq=1, fingerprint=b"b" * 16)
        assert (refused.value.reason, refused.value.expected) == ("changed", 2)

    def test_writers_count_apart_in_each_run(self, store):
        for run, writer in ((1, "v"), (1, "w"), (2, "v")):
            assert not log(store, run, column("loss", [1]), writer=writer, seq=1).repeated
