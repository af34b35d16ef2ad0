"""Connections between a client and a server that lose some of the answers, or freeze."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading


class LossyProxy:
    """Hands every request on, and cuts the connection instead of handing back each fifth answer."""

    def __init__(self, port: int, every: int = 5) -> None:
        self.server, self.cut = port, 0
        self._lost = itertools.cycle([False] * (every - 1) + [True])
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.server)) as server:
            back = threading.Thread(target=self._hand_on, args=(server, client, True), daemon=True)
            back.start()
            self._hand_on(client, server, False)
            back.join()

    def _hand_on(self, source: socket.socket, sink: socket.socket, lossy: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if lossy and next(self._lost):
                    self.cut += 1
                    break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class FreezingProxy:
    """Hands every byte on. `freeze` makes the connections of that moment go silent without ending them, as when a
    laptop changes networks; new ones work. `cut` ends them."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._frozen = threading.Event()  # Replaced by `freeze`: each connection keeps the one that it began with.
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def freeze(self) -> None:
        frozen, self._frozen = self._frozen, threading.Event()
        frozen.set()

    def cut(self) -> None:
        self.freeze()
        ends, self._open = self._open, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()

    def _accept(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._server))
                self._open += client, server
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._hand_on, args=(source, sink, self._frozen), daemon=True).start()

    def _hand_on(self, source: socket.socket, sink: socket.socket, frozen: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if frozen.is_set():
                    return
                sink.sendall(data)
        if not frozen.is_set():
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_WR)
