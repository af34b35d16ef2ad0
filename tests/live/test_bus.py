"""What every bus promises, and what each kind promises besides."""

import os
import tempfile
import threading
from pathlib import Path

import pytest

from aimanager.live.base import LiveBus
from aimanager.live.datagram import PATH_LIMIT, DatagramBus, pack, run_directory
from aimanager.live.memory import MemoryBus
from aimanager.live.redis import RedisBus
from tests.waiting import assert_stays, wait_until


class Heard(list):
    """A listener that remembers."""

    def __call__(self, topic):
        self.append(topic)


class BusContract:
    """Inherited by each kind; `buses` are two ends that hear each other (of one bus, if it has but one)."""

    @pytest.fixture
    def buses(self):
        raise NotImplementedError

    def test_a_publisher_wakes_the_listeners_of_its_own_process_at_once(self, buses):
        heard = Heard()
        buses[0].subscribe(heard)
        buses[0].publish("run:1")
        assert heard == ["run:1"]

    def test_both_ends_hear_each_other(self, buses):
        first, second = Heard(), Heard()
        buses[0].subscribe(first)
        buses[1].subscribe(second)
        buses[0].publish("run:1")
        buses[1].publish("run-facts:2")
        wait_until(lambda: {"run:1", "run-facts:2"} <= set(first) and {"run:1", "run-facts:2"} <= set(second))

    def test_nobody_hears_their_own_message_twice(self, buses):
        first, second = Heard(), Heard()
        buses[0].subscribe(first)
        buses[1].subscribe(second)
        buses[0].publish("run:1")
        wait_until(lambda: "run:1" in second)
        assert_stays(lambda: first.count("run:1") == 1)

    def test_every_topic_of_a_crowd_is_heard(self, buses):
        heard = Heard()
        buses[1].subscribe(heard)
        topics = {f"run:{number}" for number in range(2000)}
        for topic in topics:
            buses[0].publish(topic)
        wait_until(lambda: topics <= set(heard))

    def test_a_listener_that_raises_hurts_nobody(self, buses):
        heard = Heard()

        def fail(topic):
            raise RuntimeError("a listener's own trouble")

        buses[0].subscribe(fail)
        buses[0].subscribe(heard)
        buses[0].publish("run:1")
        assert heard == ["run:1"]

    def test_many_threads_may_publish_at_once(self, buses):
        heard = Heard()
        buses[1].subscribe(heard)

        def publish():
            for number in range(500):
                buses[0].publish(f"run:{number}")

        threads = [threading.Thread(target=publish) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: {f"run:{number}" for number in range(500)} <= set(heard))

    def test_a_closed_bus_is_silent_and_harmless(self, buses):
        first, second = Heard(), Heard()
        buses[0].subscribe(first)
        buses[1].subscribe(second)
        buses[0].close()
        buses[0].publish("run:1")
        buses[0].close()
        assert_stays(lambda: first == [] and (buses[0] is buses[1] or second == []))


class TestMemory(BusContract):
    @pytest.fixture
    def buses(self):
        bus = MemoryBus()
        yield bus, bus
        bus.close()


class TestDatagram(BusContract):
    @pytest.fixture
    def buses(self, tmp_path):
        both = DatagramBus(tmp_path), DatagramBus(tmp_path)
        yield both
        for bus in both:
            bus.close()

    def test_it_leaves_nothing_behind(self, buses):
        directory = buses[0].directory
        assert len(list(directory.iterdir())) == 2
        for bus in buses:
            bus.close()
        assert list(directory.iterdir()) == []

    def test_only_the_owner_may_enter_its_directory(self, buses):
        assert buses[0].directory.stat().st_mode & 0o777 == 0o700

    def test_the_socket_of_a_dead_process_is_swept_away(self, buses):
        dead = buses[0].directory / "999-dead.sock"
        import socket

        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abandoned:
            abandoned.bind(str(dead))
        assert dead.exists()
        buses[0].publish("run:1")
        wait_until(lambda: not dead.exists())

    def test_a_process_that_does_not_read_costs_the_others_nothing(self, buses):
        let_go, read_on = threading.Event(), []
        heard = Heard()
        buses[0].subscribe(heard)
        buses[1].subscribe(lambda topic: read_on.append(let_go.wait(60)))
        for number in range(5000):
            buses[0].publish(f"run:{number}")
        assert len(heard) == 5000
        assert read_on == []  # All were published while the other one stood still.
        let_go.set()

    def test_rubbish_in_its_inbox_is_taken_as_topics_and_no_more(self, buses):
        heard = Heard()
        buses[0].subscribe(heard)
        import socket

        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"\xff\xfe\n\n" + b"x" * 1000, str(next(buses[0].directory.glob(f"{buses[0]._name}"))))
        buses[1].publish("run:1")
        wait_until(lambda: "run:1" in heard)


class TestRedis(BusContract):
    @pytest.fixture
    def buses(self, redis_url):
        both = RedisBus(redis_url), RedisBus(redis_url)
        wait_until(lambda: all(bus.healthy for bus in both))
        yield both
        for bus in both:
            bus.close()

    def test_databases_of_one_server_do_not_hear_each_other(self, buses, redis_url):
        other = RedisBus(redis_url.rpartition("/")[0] + "/1")
        wait_until(lambda: other.healthy)
        near, far = Heard(), Heard()
        buses[1].subscribe(near)
        other.subscribe(far)
        buses[0].publish("run:1")
        wait_until(lambda: near)
        other.close()
        assert far == []

    def test_it_comes_back_by_itself_after_redis_was_away(self, buses, redis):
        redis.stop()
        try:
            wait_until(lambda: not buses[1].healthy)
            for number in range(200):
                buses[0].publish(f"run:{number}")
        finally:
            redis.start()
        wait_until(lambda: all(bus.healthy for bus in buses))
        heard = Heard()
        buses[1].subscribe(heard)

        def publish_and_look():
            buses[0].publish("run:7")
            return "run:7" in heard

        wait_until(publish_and_look)

    def test_a_redis_that_hangs_does_not_block_the_writer(self, buses, redis):
        heard = Heard()
        buses[1].subscribe(heard)
        redis.say("CLIENT PAUSE 1500 ALL")
        for number in range(1000):
            buses[0].publish(f"run:{number}")
        assert heard == []  # All were published while Redis stood still.

    def test_it_starts_without_redis(self):
        bus = RedisBus("redis://127.0.0.1:1/0")
        bus.publish("run:1")
        assert not bus.healthy
        bus.close()


def test_every_kind_is_a_live_bus():
    assert all(issubclass(kind, LiveBus) for kind in (MemoryBus, DatagramBus, RedisBus))


def test_datagrams_stay_small_and_lose_no_topic():
    topics = [f"run:{number}" for number in range(20_000)]
    datagrams = list(pack(topics))
    assert max(map(len, datagrams)) <= 32_768
    assert b"\n".join(datagrams).decode().split("\n") == topics


def test_a_data_directory_with_a_long_path_gets_a_short_private_one(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 120)
    with tempfile.TemporaryDirectory() as short:  # Of a known length, which pytest's own folders are not.
        monkeypatch.setattr("tempfile.tempdir", short)
        directory = run_directory(long)
        assert len(os.fsencode(directory)) < PATH_LIMIT - 20
        assert directory == run_directory(long)
        assert directory.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_somebody_else_made_first_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    long = tmp_path / ("y" * 120)
    directory = run_directory(long)
    directory.rmdir()
    directory.symlink_to(Path("/"))
    with pytest.raises(PermissionError):
        run_directory(long)
