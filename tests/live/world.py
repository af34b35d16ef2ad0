"""A hub with the memory store and real connections, for tests of who hears what."""

import json
import socket

import numpy as np
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, TextMessage

from aimanager.live.hub import Hub
from aimanager.live.memory import MemoryBus
from aimanager.live.sockets import Drain, GuardedSocket
from aimanager.live.viewer import Viewer
from aimanager.store import Batch, Column
from tests.store.memory import MemoryStore


class Guest:
    """A viewer with the client's end of its connection."""

    def __init__(self, hub, room, drain, **options):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.create_connection(listener.getsockname())
            self.server, _ = listener.accept()
        self.reader = Connection(ConnectionType.CLIENT)
        self.viewer = Viewer(GuardedSocket(self.server, drain), room, **options)
        self.messages, self.code, self._parts = [], None, []
        hub.join(self.viewer)

    def read(self, seconds=0.3, until=None):
        """Everything that arrives until it is quiet for a while, or until the condition holds."""
        self.client.settimeout(10 if until else seconds)
        try:
            while not (until and until()) and (data := self.client.recv(262_144)):
                self._take(data)
        except TimeoutError:
            pass
        return self.messages

    def read_to(self, last_id):
        """Everything up to a point, however slow the machine is."""
        return self.read(until=lambda: self.ids()[-1:] == [last_id])

    def _take(self, data):
        self.reader.receive_data(data)
        for event in self.reader.events():
            if isinstance(event, CloseConnection):
                self.code = event.code
            elif isinstance(event, TextMessage):
                self._parts.append(event.data)
                if event.message_finished:
                    self.messages.append(json.loads("".join(self._parts)))
                    self._parts = []

    def of_kind(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    def ids(self):
        """Every id that was received, in order."""
        return [
            point_id
            for message in self.of_kind("metrics")
            for point_id in sorted(each for series in message["series"].values() for each in series["ids"])
        ]

    def close(self):
        self.viewer.socket.close()
        self.client.close()
        self.server.close()


class World:
    """A hub with its store and bus, the facts of runs, and who may read them."""

    def __init__(self):
        self.store, self.bus, self.drain = MemoryStore(), MemoryBus(), Drain()
        self.facts = {1: {"id": 1, "name": "first", "status": "running"}}
        self.codes = {}
        self.hub = Hub(self.store, self.bus, self.facts.get, lambda viewer: self.codes.get(viewer.principal))
        self.guests = []

    def guest(self, room="run:1", **options):
        self.guests.append(Guest(self.hub, room, self.drain, **options))
        return self.guests[-1]

    def log(self, *values, name="loss", run=1, publish=True):
        self.store.append(run, 1, Batch((Column(name, np.array(values, dtype=float)),)))
        if publish:
            self.bus.publish(f"run:{run}")
