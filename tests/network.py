"""A network between a client and a server of this machine, with the faults of real ones."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

PIECE = 4096  # Bytes that are passed on at once.
ROOM = 16 << 10  # Bytes that wait in a socket, so that a slow network is felt by whoever sends.


class Link:
    """A proxy on a port of its own, in a thread. It begins open; faults are for connections made before and after.

    `rate` is bytes per second each way, for all connections together; `delay` the seconds that a byte is on its way.
    """

    def __init__(self, port: int, rate: float | None = None, delay: float = 0.0) -> None:
        self.rate, self.delay = rate, delay
        self.carried = 0  # Bytes towards the server.
        self._target = port
        self._fault = ""  # Or "holds", "500".
        self._free_at = [0.0, 0.0]  # When the line in each direction is free again.
        self._tasks: set[asyncio.Task[None]] = set()
        self._plugs: list[socket.socket] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._do(self._listen)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # What may happen to a network. Whatever it is, it ends with `open`.

    def open(self) -> None:
        """Everything is well from now on; connections begin anew."""
        self._change("", listens=True)

    def hold(self) -> None:
        """Take what comes, and never answer."""
        self._change("holds", listens=True)

    def fail(self) -> None:
        """Answer every request with 500, as a server that is broken."""
        self._change("500", listens=True)

    def refuse(self) -> None:
        """Nobody listens: connections are refused."""
        self._change("", listens=False)

    def vanish(self) -> None:
        """Packets are dropped, as behind a firewall: attempts to connect get no answer at all."""
        self._change("", listens=False)
        # The queue of a listener that takes nobody in: when it is full, the kernel drops further attempts.
        plug = socket.socket()
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        plug.bind(("127.0.0.1", self.port))
        plug.listen(0)
        self._plugs.append(plug)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(("127.0.0.1", self.port))
            self._plugs.append(filler)

    def cut(self) -> None:
        """Break all connections; new ones are as before."""
        self._do(self._cut)

    def close(self) -> None:
        self._change("", listens=False)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # In the thread.

    def _do(self, work: Callable[..., Any], *arguments: Any) -> None:
        asyncio.run_coroutine_threadsafe(work(*arguments), self._loop).result(30)

    def _change(self, fault: str, listens: bool) -> None:
        self._fault = fault
        self._do(self._close)
        while self._plugs:
            self._plugs.pop().close()
        if listens:
            self._do(self._listen)

    async def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.rate:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=PIECE)

    async def _close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        await _some_turns()  # Whoever has just connected is served by now, and knows what to close.
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await _some_turns()  # What was closed is gone by now.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                if self._fault == "holds":
                    while await reader.read(PIECE):
                        pass
                elif self._fault == "500":
                    await self._answer(reader, writer)
                else:
                    await self._carry(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content = b'{"detail": "as told"}'
        head = (
            f"HTTP/1.1 500 Error\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        )
        while True:
            length = 0
            while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            while length > 0:
                length -= len(await reader.read(min(PIECE, length)))
            writer.write(head + content)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target, limit=PIECE)
        ways = [asyncio.ensure_future(self._pump(reader, back, 0)), asyncio.ensure_future(self._pump(there, writer, 1))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            back.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: int) -> None:
        """Pass on what comes, no faster than the line and no sooner than its delay."""
        on_its_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1 + int((self.rate or 0) * self.delay / PIECE))
        arriving = asyncio.ensure_future(self._arrive(on_its_way, writer))
        try:
            while data := await reader.read(PIECE):
                if self.rate:
                    now = self._loop.time()
                    self._free_at[way] = max(now, self._free_at[way]) + len(data) / self.rate
                    await asyncio.sleep(self._free_at[way] - now)
                if way == 0:
                    self.carried += len(data)
                await on_its_way.put((self._loop.time() + self.delay, data))
            await on_its_way.put((0.0, b""))
            await arriving
        finally:
            arriving.cancel()

    async def _arrive(self, on_its_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        while True:
            at, data = await on_its_way.get()
            if not data:
                return
            await asyncio.sleep(max(0.0, at - self._loop.time()))
            writer.write(data)
            await writer.drain()


async def _some_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
