"""The bus between machines: Redis publish and subscribe, as a wake-up only.

Redis may be slow, restarted or gone for a day: publishing puts a topic into an outbox and returns, the
listener keeps reconnecting, and meanwhile the hub polls the database.
"""

import logging
import secrets
import threading
from typing import Any

import redis

from .base import LiveBus
from .outbox import Outbox

log = logging.getLogger(__name__)

PATIENCE = 1.0  # Seconds that the outbox's thread waits for Redis; the writer waits for neither.
LONGEST_PAUSE = 5.0


class RedisBus(LiveBus):
    """Wakes every process that listens at the same Redis database."""

    shared = True

    def __init__(self, url: str) -> None:
        super().__init__()
        self._redis = redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        number = self._redis.connection_pool.connection_kwargs.get("db") or 0
        # Channels, unlike keys, are common to all databases of a Redis server.
        self._channel = f"aimanager:{number}:live"
        self._me = secrets.token_hex(8)
        self._closed = threading.Event()
        self._connected = threading.Event()
        self._outbox = Outbox("live-redis-out", self._send)
        self._reader = threading.Thread(target=self._listen, name="live-redis-in", daemon=True)
        self._reader.start()

    @property
    def healthy(self) -> bool:
        """Whether the listener has its subscription at present."""
        return self._connected.is_set()

    def close(self) -> None:
        """Drop the connections and end both threads."""
        super().close()
        self._closed.set()
        self._outbox.close()
        self._reader.join(timeout=2 * PATIENCE)
        self._redis.close()

    def _forward(self, topic: str) -> None:
        self._outbox.put(topic)

    def _send(self, topics: list[str]) -> None:
        self._redis.publish(self._channel, "\n".join([self._me, *topics]))

    def _listen(self) -> None:
        pause = 0.1
        while not self._closed.is_set():
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    subscription.subscribe(self._channel)
                    self._follow(subscription)
            except Exception as error:  # A reader that dies would leave this process without messages.
                log.debug("The live bus lost Redis: %s", error)
            pause = 0.1 if self._connected.is_set() else min(2 * pause, LONGEST_PAUSE)
            self._connected.clear()
            self._closed.wait(pause)

    def _follow(self, subscription: Any) -> None:
        """Deliver messages until the connection breaks; a ping finds one that broke silently."""
        subscription.ping()
        unanswered = 0
        while not self._closed.is_set():
            message = subscription.get_message(timeout=PATIENCE)
            if message is None:
                if unanswered == 3:
                    raise ConnectionError("Redis does not answer")
                unanswered += 1
                subscription.ping()
                continue
            unanswered = 0
            self._connected.set()
            if message["type"] == "message":
                sender, *topics = message["data"].decode(errors="replace").split("\n")
                for topic in topics if sender != self._me else ():
                    self._notify(topic)
