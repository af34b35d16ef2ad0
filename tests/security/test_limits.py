"""How often: exact, by whom, each budget apart, by one process or several, with Redis or without."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import urllib3

from aimanager.http.client_address import counted_address
from aimanager.http.counters import MemoryCounters, SharedCounters, SQLiteCounters
from aimanager.services import accounts
from tests.cast import PASSWORD

MINUTE = {"rate_limits": "5/minute;1000/hour", "page_limits": "4/minute", "ingest_limits": "3/minute"}


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The wall clock, put back to the begin of a minute: windows begin with it, and none ends within a test.

    `clock.ahead` moves it on, in seconds.
    """
    clock, read = SimpleNamespace(ahead=0.0), time.time
    begin = read() % 60
    monkeypatch.setattr(time, "time", lambda: read() - begin + clock.ahead)
    return clock


@pytest.fixture
def asker(make_app, alice):
    """Ask an application with small limits; gives the answers."""

    def ask(path, times=1, method="GET", who=alice, address="192.0.2.1", app=None, **options):
        client = (app or limited).test_client(use_cookies=False)
        headers = {"Authorization": f"Bearer {who.token}"} if who else {}
        headers |= options.pop("headers", {})
        answers = [
            client.open(path, method=method, headers=headers, environ_base={"REMOTE_ADDR": address}, **options)
            for _ in range(times)
        ]
        return answers[0] if times == 1 else answers

    limited = make_app(**MINUTE)
    return ask


def codes(answers):
    return [answer.status_code for answer in answers]


def test_the_limit_is_exact_and_says_when_to_come_again(asker):
    answers = asker("/projects/", 7)
    assert codes(answers) == [200] * 5 + [429] * 2
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"5"}
    reset = int(answers[0].headers["X-RateLimit-Reset"])
    assert 0 < reset - time.time() <= 61
    assert "Retry-After" not in answers[4].headers
    last = answers[-1]
    assert 1 <= int(last.headers["Retry-After"]) <= 60
    assert re.fullmatch(
        r"Too many requests: the limit is 5 per 1 minute, try again in \d+ seconds", last.json["detail"]
    )


def test_every_answer_of_the_api_says_what_is_left(asker, make_run, alice, private_run):
    names = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    for answer in (
        asker("/auth/me"), asker("/auth/me", who=None), asker(f"/runs/{private_run}", who=None), asker("/runs/999"),
        asker("/projects/", method="POST", json={}), asker(f"/metrics/{private_run}/bulk", method="POST", json={}),
    ):  # fmt: skip
        assert names <= set(answer.headers.keys()), answer.status_code


def test_refusals_are_counted_like_answers(asker):
    garbage = {"headers": {"Authorization": "Bearer garbage"}}
    assert codes(asker("/auth/me", 7, who=None, **garbage)) == [401] * 5 + [429] * 2
    assert codes(asker("/auth/me", 2)) == [200] * 2


def test_users_are_counted_apart_whatever_their_address_and_credential(asker, bob, alice, key_of, api):
    assert codes(asker("/projects/", 6)) == [200] * 5 + [429]
    assert asker("/projects/", address="198.51.100.7").status_code == 429
    assert asker("/projects/", who=None, headers={"Authorization": f"Bearer {key_of(alice)}"}).status_code == 429
    assert asker("/projects/", who=bob).status_code == 200
    second = api().post("/auth/login", {"username": "alice", "password": PASSWORD}).json["access_token"]
    assert asker("/projects/", who=None, headers={"Authorization": f"Bearer {second}"}).status_code == 429


def test_strangers_are_counted_by_their_address_which_they_cannot_claim(asker):
    path = "/projects/?visibility=public"
    assert codes(asker(path, 6, who=None)) == [200] * 5 + [429]
    claim = {"X-Forwarded-For": "198.51.100.9"}
    assert asker(path, who=None, headers=claim).status_code == 429
    assert asker(path, who=None, address="192.0.2.2").status_code == 200


def test_pages_bulk_and_the_api_have_budgets_of_their_own(asker, make_run, alice):
    run_id = make_run(alice)
    points = {"json": {"series": {"loss": {"values": [1]}}}}
    assert codes(asker(f"/metrics/{run_id}/bulk", 4, "POST", **points)) == [200] * 3 + [429]
    assert codes(asker(f"/app/runs/{run_id}", 5)) == [200] * 4 + [429]
    assert asker(f"/app/charts?runs={run_id}&name=loss").status_code == 429
    assert codes(asker(f"/metrics/{run_id}", 6)) == [200] * 5 + [429]
    refused = asker(f"/metrics/{run_id}", method="POST", json={"name": "loss", "value": 1})
    assert refused.status_code == 429
    assert "/bulk" in refused.json["detail"]
    assert codes([asker("/healthz"), asker("/readyz"), asker("/openapi.json")]) == [200] * 3


def test_the_longer_limit_holds_too(make_app, asker):
    app = make_app(rate_limits="100/minute;3/hour")
    answers = asker("/projects/", 4, app=app)
    assert codes(answers) == [200] * 3 + [429]
    assert int(answers[-1].headers["Retry-After"]) <= 3600


def test_points_have_a_limit_beside_requests(make_app, asker, make_run, alice, bob):
    app = make_app(ingest_points="1000/minute")
    path = f"/metrics/{make_run(alice)}/bulk"

    def log(number, who=alice):
        return asker(path, method="POST", app=app, who=who, json={"series": {"loss": {"values": [1] * number}}})

    assert codes([log(600), log(400)]) == [200, 200]
    refused = log(1)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert log(1, bob).status_code == 403


def test_twenty_at_once_are_counted_exactly(make_app, alice):
    app = make_app(rate_limits="7/minute")
    headers = {"Authorization": f"Bearer {alice.token}"}
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: app.test_client().get("/projects/", headers=headers).status_code, range(20)))
    assert sorted(statuses) == [200] * 7 + [429] * 13


def test_a_page_that_is_refused_is_a_page(asker):
    answers = asker("/login", 5, who=None, headers={"Accept": "text/html"})
    assert codes(answers) == [200] * 4 + [429]
    assert answers[-1].mimetype == "text/html"
    assert "Retry-After" in answers[-1].headers


def test_without_limits_nothing_is_refused_or_counted(api, alice):
    answer = [api(alice).get("/projects/") for _ in range(130)][-1]
    assert answer.status_code == 200
    assert "X-RateLimit-Limit" not in answer.headers


class Crowd:
    """People who ask a real server all at once."""

    def __init__(self, server):
        self.url, self.pool = server.url, urllib3.PoolManager(maxsize=16, retries=False)
        account = {"email": "a@example.com", "username": "alice", "password": "correct horse"}
        self.ask("POST", "/auth/register", account)
        self.token = json.loads(self.ask("POST", "/auth/login", account).data)["access_token"]

    def ask(self, method, path, body=None, token=""):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.pool.request(
            method, self.url + path, body=json.dumps(body) if body else None,
            headers=headers | {"Content-Type": "application/json"},
        )  # fmt: skip

    def all_at_once(self, number, *args, **options):
        with ThreadPoolExecutor(12) as pool:
            return sorted(pool.map(lambda _: self.ask(*args, **options).status, range(number)))


def check_two_processes(crowd):
    assert crowd.all_at_once(60, "GET", "/projects/", token=crowd.token) == [200] * 20 + [429] * 40
    wrong = {"username": "bob", "password": "wrong"}
    statuses = crowd.all_at_once(18, "POST", "/auth/login", wrong)
    assert 10 <= statuses.count(401) <= 13  # Each process compares two at once.
    assert set(statuses) == {401, 429}
    assert crowd.ask("POST", "/auth/login", wrong).status == 429


@pytest.mark.slow
def test_two_processes_count_together(gunicorn_server):
    server = gunicorn_server(workers=2, threads=12, rate_limits="20/minute")
    check_two_processes(Crowd(server))
    for file in server.data_dir.rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file


@pytest.mark.slow
def test_two_processes_count_together_in_redis_and_go_on_without_it(
    gunicorn_server, redis, redis_url, make_migrated_url
):
    server = gunicorn_server(
        workers=2,
        threads=12,
        rate_limits="20/minute",
        redis_url=redis_url,
        ingest_points="100/minute",
        ingest_limits="",
    )
    crowd = Crowd(server)
    check_two_processes(crowd)
    redis.stop()
    try:
        fallen = crowd.all_at_once(10, "POST", "/auth/login", {"username": "carl", "password": "wrong"})
        assert set(fallen) <= {401, 429}
        project = json.loads(crowd.ask("POST", "/projects/", {"name": "x"}, crowd.token).data)
        run = json.loads(crowd.ask("POST", f"/runs/?project_id={project['id']}", {"name": "x"}, crowd.token).data)
        series = {"series": {"loss": {"values": [1.0]}}}
        assert crowd.ask("POST", f"/metrics/{run['id']}/bulk", series, crowd.token).status == 200
        assert crowd.all_at_once(30, "POST", "/auth/login", {"username": "carl", "password": "wrong"}).count(401) <= 28
        assert crowd.ask("GET", "/auth/me", token=crowd.token).status == 200
    finally:
        redis.start()


def test_points_are_stored_while_redis_is_away_and_guesses_still_count(
    make_app, redis, redis_url, asker, make_run, alice
):
    app = make_app(redis_url=redis_url, ingest_points="100/minute")
    run_id = make_run(alice)
    redis.stop()
    try:
        points = {"json": {"series": {"loss": {"values": [1]}}}}
        assert asker(f"/metrics/{run_id}/bulk", method="POST", app=app, **points).status_code == 200
        wrong = {"data": {"username": "alice", "password": "wrong"}}
        assert codes(asker("/auth/login", 12, "POST", app=app, who=None, **wrong)) == [401] * 10 + [429] * 2
    finally:
        redis.start()


def test_the_shared_counter_counts_exactly_and_forgets(tmp_path, clock):
    stores = [SQLiteCounters(str(tmp_path / "limits.db")) for _ in range(2)]
    threads = [threading.Thread(target=lambda store: [store.incr("a", 60) for _ in range(50)], args=(stores[n % 2],)) for n in range(8)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].get("a") == stores[1].get("a") == 400
    assert stores[0].incr("b", 10) == 1
    clock.ahead = 11
    assert (stores[1].get("b"), stores[1].incr("b", 60)) == (0, 1)
    stores[0].clear("a")
    assert stores[1].get("a") == 0


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_address_counts_as_its_network_and_a_mapped_one_as_ipv4(address, counted):
    assert counted_address(address) == counted


def test_a_stranger_with_a_network_of_addresses_is_counted_as_one(asker):
    path = "/projects/?visibility=public"
    assert [asker(path, who=None, address=f"2001:db8::{number}").status_code for number in range(6)] == [200] * 5 + [
        429
    ]
    assert asker(path, who=None, address="2001:db8:0:1::1").status_code == 200
    assert codes(asker(path, 5, who=None, address="192.0.2.9")) == [200] * 5
    assert asker(path, who=None, address="::ffff:192.0.2.9").status_code == 429


def test_logged_points_and_other_calls_draw_on_one_budget(asker, make_run, alice):
    run_id = make_run(alice)
    point = {"json": {"metrics": {"loss": 1}}}
    assert codes(asker(f"/metrics/{run_id}/batch", 2, "POST", **point)) == [200] * 2
    assert codes(asker("/projects/", 3)) == [200] * 3
    assert asker(f"/metrics/{run_id}/batch", method="POST", **point).status_code == 429
    assert asker("/projects/").status_code == 429


@pytest.fixture(params=["memory", "sqlite"])
def small_counters(request, tmp_path):
    """Counters with room for a hundred."""
    if request.param == "memory":
        return MemoryCounters(most=100)
    return SQLiteCounters(str(tmp_path / "limits.db"), most=100)


def test_counters_that_have_run_out_make_room_for_new_ones(small_counters):
    for number in range(60):
        small_counters.count(f"old {number}", -1)
    for number in range(30):
        small_counters.count(f"new {number}", 60)
    assert small_counters.size() == 30
    assert all(small_counters.get(f"new {number}") == 1 for number in range(30))


def test_no_more_counters_are_kept_than_there_is_room_for(small_counters):
    for number in range(1000):
        small_counters.count(f"address {number}", 60 + number)
    assert small_counters.size() <= 101
    assert small_counters.get("address 999") == 1  # Those that would have run out first are gone.
    assert small_counters.get("address 0") == 0


def test_a_restarted_counter_is_not_swept_with_its_old_window(small_counters):
    small_counters.count("a", -1)
    assert small_counters.count("a", 60)[0] == 1
    for number in range(20):
        small_counters.count(f"new {number}", 60)
    assert small_counters.count("a", 60)[0] == 2


def test_redis_that_is_away_is_warned_about_once_and_once_when_it_is_back(redis, redis_url, caplog, monkeypatch):
    monkeypatch.setattr(SharedCounters, "PAUSE", 0.0)  # Ask again each time.
    counters = SharedCounters(f"aimanager+{redis_url}")
    assert counters.count("a", 60)[0] == 1
    redis.stop()
    try:
        assert [counters.count("a", 60)[0] for _ in range(5)] == [1, 2, 3, 4, 5]
        assert (counters.away, counters.check()) == (True, False)
    finally:
        redis.start()
    assert counters.check()
    assert [counters.count("a", 60)[0] for _ in range(2)] == [1, 2]
    warnings = [record.getMessage() for record in caplog.records if record.name == "aimanager.http.counters"]
    assert len(warnings) == 2
    assert "do not answer" in warnings[0]
    assert "are back" in warnings[1]


def test_readiness_says_that_limits_are_local_while_redis_is_away_and_serves(make_app, redis, redis_url, monkeypatch):
    monkeypatch.setattr("aimanager.services.health.KEPT", 0.0)
    client = make_app(redis_url=redis_url).test_client()
    assert client.get("/readyz").json["limits"] == "ok"
    redis.stop()
    try:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json["limits"], answer.json["status"]) == (200, "local", "degraded")
    finally:
        redis.start()


def test_a_login_that_succeeds_is_not_held_against_anybody(app, alice):
    client = app.test_client()
    for _ in range(15):
        assert client.post("/auth/login", data={"username": "alice", "password": PASSWORD}).status_code == 200
    assert accounts.fold("alice") == "alice"
