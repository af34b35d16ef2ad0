"""People who talk to a real server: by HTTP, and by a WebSocket that remembers what it heard."""

import json
import threading
from urllib.parse import urlencode

import urllib3
import websocket

from tests.waiting import becomes, wait_until

http = urllib3.PoolManager(maxsize=16)

NO_LIMITS = {"rate_limits": "", "page_limits": "", "ingest_limits": "", "ingest_points": ""}


class Person:
    """Somebody with an account and a token."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        account = {"email": f"{name}@example.com", "username": name, "password": "a long password"}
        self.post("/auth/register", account, token=False)
        self.token = self.post("/auth/login", {"username": name, "password": "a long password"}, token=False)[
            "access_token"
        ]

    def ask(self, method, path, body=None, token=True):
        """Ask and give back status and parsed answer."""
        headers = {"Authorization": f"Bearer {self.token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        answer = http.request(
            method, self.server.url + path, body=json.dumps(body) if body is not None else None, headers=headers
        )
        return answer.status, json.loads(answer.data) if answer.data else None

    def post(self, path, body=None, token=True):
        status, answer = self.ask("POST", path, body, token)
        assert status < 300, (status, answer)
        return answer

    def project(self, public=False):
        return self.post("/projects/", {"name": "project", "is_public": public})["id"]

    def run(self, project=None):
        return self.post(f"/runs/?project_id={project or self.project()}", {"name": "run"})["id"]

    def log(self, run, value, name="loss"):
        return self.post(f"/metrics/{run}", {"name": name, "value": value})

    def watch(self, run, **arguments):
        """A socket with the token in its header."""
        return Socket(self.server, f"/ws/{run}", header=[f"Authorization: Bearer {self.token}"], **arguments)


class Socket:
    """A viewer; the handshake's refusal is a `websocket.WebSocketBadStatusException`."""

    opened: list["Socket"] = []

    def __init__(self, server, path, header=(), origin=None, cookie=None, **query):
        address = f"ws://127.0.0.1:{server.port}{path}"
        if query:
            address += f"?{urlencode(query)}"
        self.messages, self.code = [], None
        self.socket = websocket.create_connection(
            address,
            timeout=10,
            header=list(header),
            cookie=cookie,
            **({"origin": origin} if origin else {"suppress_origin": True}),
        )
        self.opened.append(self)

    def watch(self, runs):
        """Choose the runs to hear of, each from the last id that was heard."""
        self.socket.send(json.dumps({"type": "watch", "runs": runs}))

    def read(self, seconds=0.5, until=None):
        """Read until it was quiet for a while, the condition holds, or the server says goodbye."""
        self.socket.settimeout(seconds)

        def is_done():
            if self.code is not None or (until and until(self)):
                return True
            try:
                opcode, data = self.socket.recv_data()
            except websocket.WebSocketTimeoutException:
                return until is None
            except (websocket.WebSocketConnectionClosedException, OSError):
                self.code = self.code or 1006
            else:
                self._take(opcode, data)
            return False

        becomes(is_done, 20, every=0)
        return self.messages

    def _take(self, opcode, data):
        if opcode == websocket.ABNF.OPCODE_TEXT:
            self.messages.append(json.loads(data))
        elif opcode == websocket.ABNF.OPCODE_CLOSE:
            self.code = int.from_bytes(data[:2], "big")

    def of_kind(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    def ids(self):
        return [
            point_id
            for message in self.of_kind("metrics")
            for point_id in sorted(each for series in message["series"].values() for each in series["ids"])
        ]

    @property
    def last_id(self):
        return max([message["last_id"] for message in self.of_kind("metrics")], default=0)

    def close(self):
        self.socket.close()


def refusal(open_socket):
    """The status with which a handshake was refused, and its JSON."""
    try:
        open_socket().close()
    except websocket.WebSocketBadStatusException as error:
        body = error.resp_body
        return error.status_code, json.loads(body) if body else None
    return 101, None


class Writer(threading.Thread):
    """Logs batches of a few points until it is told to stop."""

    def __init__(self, person, run, pause=0.005, size=3):
        super().__init__(daemon=True)
        self.person, self.run_id, self.pause, self.size = person, run, pause, size
        self.stopping, self.count = threading.Event(), 0
        self.start()

    def run(self):
        while not self.stopping.is_set():
            values = [float(self.count + number) for number in range(self.size)]
            self.person.post(f"/metrics/{self.run_id}/bulk", {"series": {"loss": {"values": values}}})
            self.count += self.size
            self.stopping.wait(self.pause)

    def stop(self):
        self.stopping.set()
        self.join()
        return self.count


def wait_for_a_place(open_socket):
    """Try until the handshake succeeds."""
    wait_until(lambda: refusal(open_socket)[0] == 101, every=0.05)
