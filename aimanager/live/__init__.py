"""Live points for viewers: the bus wakes the hub, the hub sends, and the sockets never block."""

from ..config import Settings
from .base import LiveBus
from .datagram import DatagramBus
from .hub import Hub
from .memory import MemoryBus
from .sockets import GuardedSocket, SocketGuard
from .viewer import Viewer

__all__ = ["GuardedSocket", "Hub", "LiveBus", "SocketGuard", "Viewer", "open_bus"]


def open_bus(settings: Settings) -> LiveBus:
    """Redis where there is one, datagrams for several processes of one machine, memory for one process."""
    if settings.redis_url:
        from .redis import RedisBus  # The library takes a fifth of a second and some megabytes to load.

        return RedisBus(settings.redis_url)
    if settings.workers > 1:
        return DatagramBus(settings.data_dir)
    return MemoryBus()
