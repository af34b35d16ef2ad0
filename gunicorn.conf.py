"""How gunicorn serves AI Manager: threads, so that a socket may sit in one; settings are `AI_MANAGER_*`."""

import contextlib
import errno
import logging
import os
import resource
import signal
import socket
import sys
import threading

# Until gunicorn has handlers of its own an interrupt ends this process without a traceback. First, as what follows takes
# a while to load.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import gunicorn.util  # noqa: E402

from aimanager.config import ConfigurationError, Settings  # noqa: E402
from aimanager.http.gunicorn_errors import write_error  # noqa: E402

try:
    settings = Settings.from_env()
except ConfigurationError as error:
    sys.exit(str(error))
logging.getLogger("aimanager.config").setLevel(logging.ERROR)  # What was said here, the workers need not repeat.

bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
worker_class = "gthread"
workers = settings.workers
threads = settings.threads
# Viewers are connections for hours: within gunicorn's default of a thousand they would shut all others out. Thousands of
# scripts keep theirs between two batches. Each takes a file, of which many systems give a process 1024 if it asks for no more.
OTHER_FILES = 500
files, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
worker_connections = threads + 4000
if files != resource.RLIM_INFINITY and files < worker_connections + OTHER_FILES:
    files = worker_connections + OTHER_FILES
    files = files if most_files == resource.RLIM_INFINITY else min(files, most_files)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most_files))
    worker_connections = max(threads + 1000, min(worker_connections, files - OTHER_FILES))
preload_app = False  # Threads and sockets of the live bus do not survive a fork.
timeout = 60
graceful_timeout = 20
keepalive = 15  # Seconds; longer than the pause that load alone makes scripts take, or each batch would connect anew.
limit_request_line = 8190
limit_request_fields = 100
forwarded_allow_ips = ""  # Proxies are believed by count, AI_MANAGER_TRUSTED_PROXIES, and nowhere else.
control_socket_disable = True
loglevel = "debug" if settings.log_level == "debug" else "warning"
if os.path.isdir("/dev/shm"):  # noqa: S108  # A full or slow disk must not look like a hanging worker.
    worker_tmp_dir = "/dev/shm"  # noqa: S108


gunicorn.util.write_error = write_error  # In JSON, as all errors are.


def on_starting(server):
    """Say what to do about a port that is taken, once and at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                sys.exit(f"Port {settings.port} cannot be used ({error.strerror}): set AI_MANAGER_PORT to another.")


def post_fork(server, worker):
    """Let an interrupt end a worker that still loads at once: an exception out of a handler would land anywhere."""
    worker.handle_quit = lambda received, frame: os._exit(0)


def post_worker_init(worker):
    """Say goodbye to viewers when told to stop, and say once that the server is ready."""
    hub = worker.wsgi.extensions["aimanager"].hub
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        _close_sockets_first(number, hub, worker)
    if worker.age == 1:
        print(f"AI Manager is ready at {_address(worker)}", flush=True)


def worker_exit(server, worker):
    """Leave one whole file behind: what SQLite's log has is brought into it."""
    app = getattr(worker, "wsgi", None)  # There is none in a worker that could not start.
    if app is not None:
        with contextlib.suppress(Exception):  # A full disk, say; the log keeps everything as well.
            app.extensions["aimanager"].database.checkpoint()


def _close_sockets_first(number, hub, worker):
    """Wake the threads that sit in sockets, which otherwise hold a stopping worker for its whole grace.

    Whatever the signal, the worker then leaves its loop: gunicorn's own handler for an interrupt raises SystemExit, which
    is printed with a traceback where it hits code whose exceptions nobody can catch.
    """

    def handle(received, frame):
        # In a thread: the signal may have interrupted one that holds a lock which closing needs.
        threading.Thread(target=hub.close, name="live-goodbye", daemon=True).start()
        worker.handle_exit(received, frame)

    signal.signal(number, handle)
    signal.siginterrupt(number, False)


def _address(worker):
    if settings.public_url:
        return settings.public_url
    host, port = worker.sockets[0].getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104
        return f"http://localhost:{port}, and at every other address of this machine"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
