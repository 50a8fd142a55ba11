"""The processes below `serve`: forked from a parent that runs nothing but a watch, so that a fork is safe and cheap."""

import contextlib
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

import uvicorn
from starlette.types import ASGIApp

from kit.clock import monotonic

LAST_SECONDS = 10.0  # what a child has to end in once its parent is gone


@dataclass(slots=True)
class Child:
    """One forked process and how to make it anew."""

    name: str
    run: Callable[[Callable[[], None]], None]
    """The work. It gets a function to call once it is ready."""
    pid: int = 0
    started: float = 0.0
    ready: int = -1
    """Reading end of a pipe; one byte comes when the child is ready."""

    code: int | None = None
    """Its exit code (negative: the signal) once it is over."""

    def has_ended(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code is not None


@dataclass(slots=True)
class Nursery:
    """Forks children that end when this process does.

    Each child holds the reading end of one pipe whose writing end only this process has: when this process dies,
    however it dies, the kernel closes that end and every child hears of it.
    """

    before_running: Callable[[], None]
    """Run first in each child: lets go of what belongs to the parent alone."""
    _lifeline: tuple[int, int] = field(default_factory=os.pipe)

    def fork(self, child: Child) -> None:
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._live(child, writing)
        os.close(writing)
        if child.ready >= 0:
            os.close(child.ready)
        child.pid, child.started, child.ready, child.code = pid, monotonic(), reading, None

    def _live(self, child: Child, ready: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.setpgid(0, 0)  # a Ctrl-C in the terminal is for the parent, which stops us in order
            os.close(self._lifeline[1])
            threading.Thread(target=_end_with_parent, args=(self._lifeline[0],), daemon=True).start()
            self.before_running()
            child.run(lambda: _say(ready))
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


class WebServer(uvicorn.Server):
    """uvicorn on a socket that the parent bound; says when it takes requests, and takes as many as it may."""

    def __init__(self, app: ASGIApp, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws_max_size=64 * 1024,
                ws_max_queue=8,
                ws_per_message_deflate=False,  # a room's messages are short, and thousands of deflaters are not small
                timeout_keep_alive=75,
                timeout_graceful_shutdown=10,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        allow_many_files()
        await super().startup(sockets)
        if not self.should_exit:
            self._ready()


def allow_many_files() -> None:
    """Raise the limit of open files to the hard one: every phone that follows a room is one, and most systems give a
    process 1,024 until it asks. Where asking is not allowed it stays as it is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _say(ready: int) -> None:
    os.write(ready, b"1")
    os.close(ready)


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
