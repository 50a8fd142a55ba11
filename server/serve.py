"""`serve`: one parent that owns the embedded servers and the listening socket, and the processes it watches over."""

import os
import select
import signal
import socket
from collections.abc import Callable
from functools import partial
from types import FrameType

import structlog

from kit.clock import monotonic
from kit.embedded import EmbeddedFailure
from kit.settings import Settings
from server.children import Child, Nursery
from server.home import COMMAND_SECONDS, Busy, Embedded, Home, owner_of

LOOK_SECONDS = 0.2
READY_SECONDS = 120.0
STOP_SECONDS = 15.0

_log = structlog.get_logger("serve")


class CannotServe(Exception):
    """The message says why, and what to do."""


class Interrupted(Exception):
    """Ctrl-C or SIGTERM arrived."""


def bind(host: str, port: int, otherwise: str = "Another port: --port.") -> socket.socket:
    """A listening socket that child processes inherit; `otherwise` says what to do where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotServe(f"Cannot listen on {host}:{port}: {error.strerror}. {otherwise}") from error
    listener.listen(2048)
    return listener


def bind_ingest(settings: Settings) -> socket.socket:
    """Where the embedded ingest listens: the port of the settings. One that nobody chose gives way to a free one."""
    host, chosen = settings.live_ingest_host, "live_ingest_port" in settings.model_fields_set
    try:
        return bind(host, settings.live_ingest_port, "Another port for live streams: ACADEMY_LIVE_INGEST_PORT.")
    except CannotServe:
        if chosen:
            raise
        return bind(host, 0)


Job = Callable[[Settings, Callable[[], None]], None]
"""What a process does: it gets settings with every address filled in, and a function to call once it is ready."""


def address_of(listener: socket.socket) -> str:
    """How a browser on this machine reaches it."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - all addresses, so the local one too
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Parent:
    """Starts everything in order, watches it, and stops it in the opposite order. Runs nothing else: no loop, no
    thread, so that it can fork at any time."""

    def __init__(self, settings: Settings, listener: socket.socket, address: str, jobs: dict[str, Job]) -> None:
        self._listener = listener
        self._address = address
        self._jobs = jobs
        self._home = Home(settings.data_dir.absolute())
        self._embedded = Embedded(settings)
        self._nursery = Nursery(self._let_go)
        self._children: list[Child] = []
        self._falls: dict[str, int] = {}
        self._signals = os.pipe()

    def run(self, prepare: Callable[[Settings], None], greet: Callable[[Settings], None]) -> None:
        """Serve until told to stop. `prepare` runs in a child once the databases answer; `greet` when all is up."""
        self._listen_for_signals()
        try:
            self._take_home()
            settings = self._embedded.start().settings()
            self._prepare(prepare, settings)
            self._home.tell(owner_of(settings, self._address))
            self._start_children(settings)
            greet(settings)
            while True:
                self._pause(LOOK_SECONDS)
                self._revive()
        except Interrupted:
            pass
        finally:
            # First of all: who comes now is refused at once, and not left waiting for web processes that take no more.
            self._listener.close()
            self._stop_children()
            self._embedded.stop()
            self._home.leave()

    def _take_home(self) -> None:
        """Own the data directory. A command that is using it is soon done; another server is not."""
        deadline = monotonic() + COMMAND_SECONDS
        while not self._home.take():
            owner = self._home.owner()
            if owner is not None and owner.address is not None:
                raise Busy(
                    f"{self._home.directory} is in use by another server at {owner.address}, process {owner.pid}."
                )
            if monotonic() > deadline:
                raise Busy(f"{self._home.directory} is in use by another process.")
            self._pause(0.1)

    def _listen_for_signals(self) -> None:
        def hear(_number: int, _frame: FrameType | None) -> None:
            os.write(self._signals[1], b"1")

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, hear)

    def _pause(self, seconds: float) -> None:
        """Sleep, unless a signal ends it all."""
        readable, _, _ = select.select([self._signals[0]], [], [], seconds)
        if readable:
            raise Interrupted

    def _let_go(self) -> None:
        self._home.forget()
        for number in self._signals:
            os.close(number)

    def _prepare(self, prepare: Callable[[Settings], None], settings: Settings) -> None:
        child = Child("prepare", lambda ready: prepare(settings))
        self._nursery.fork(child)
        self._children.append(child)
        while not child.has_ended():
            self._pause(0.05)
        self._children.remove(child)
        if child.code:
            raise CannotServe("The database could not be prepared; see above.")

    def _start_children(self, settings: Settings) -> None:
        children = [Child(name, partial(job, settings)) for name, job in self._jobs.items()]
        for child in children:
            self._nursery.fork(child)
            self._children.append(child)
        deadline = monotonic() + READY_SECONDS
        for child in children:
            while not select.select([child.ready], [], [], 0)[0]:
                self._pause(0.02)
                if monotonic() > deadline:
                    raise CannotServe(f"The {child.name} process is not ready after {READY_SECONDS:.0f} seconds.")
            if not os.read(child.ready, 1):
                raise CannotServe(f"The {child.name} process ended while it started; see above.")

    def _revive(self) -> None:
        """Start again what has died: at once the first time, then ever more patiently."""
        try:
            for name in self._embedded.revive():
                _log.warning("embedded server started again", server=name)
        except EmbeddedFailure as error:
            _log.error("embedded server does not start", error=str(error))
            self._pause(2)
        for child in self._children:
            if child.has_ended():
                quick = monotonic() - child.started < 10
                self._falls[child.name] = self._falls.get(child.name, 0) + 1 if quick else 0
                _log.warning("process started again", process=child.name, code=child.code)
                self._pause(min(5.0, 0.5 * self._falls[child.name]))
                self._nursery.fork(child)

    def _stop_children(self) -> None:
        alive = [child for child in self._children if not child.has_ended()]
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
            for child in alive:
                os.kill(child.pid, number)
            deadline = monotonic() + seconds
            while alive and monotonic() < deadline:
                select.select([], [], [], 0.02)
                alive = [child for child in alive if not child.has_ended()]
