"""Child processes that end with us, and the question whether a process id is still who we think it is."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.clock import monotonic

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

# Runs between fork and the server: becomes the user, asks the kernel to signal the server when the thread that started
# it ends (a change of user would forget that), then becomes the server. A separate little program, because Python code
# after a fork of a threaded process may hang, and because the user may not be able to read our Python.
_LAUNCHER = """
import ctypes, os, sys
parent, number, uid, gid = map(int, sys.argv[1:5])
if uid >= 0:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, number)
    if os.getppid() != parent:
        sys.exit("the parent is gone")
os.execv(sys.argv[5], sys.argv[5:])
"""


@dataclass(frozen=True, slots=True)
class User:
    """Whom a server runs as when we are root."""

    uid: int
    gid: int


def spawn(
    command: Sequence[str],
    *,
    death_signal: signal.Signals,
    log: Path,
    user: User | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a server that gets `death_signal` when this process dies, kill -9 included (Linux); call it from the main
    thread, because the kernel watches the thread. `keep` are file descriptors it inherits.

    It leads a session of its own: a Ctrl-C in the terminal is for us, and we stop it in our order.
    """
    uid, gid = (user.uid, user.gid) if user else (-1, -1)
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *map(str, (os.getpid(), int(death_signal), uid, gid))]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
            pass_fds=tuple(keep),
        )


def die_with_parent(number: signal.Signals) -> None:
    """Ask that this process gets `number` when the thread that forked it ends (Linux; elsewhere nothing happens)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number))


def command_of(pid: int) -> str | None:
    """The command line of a running process, or None if there is no such process."""
    if sys.platform == "linux":
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except (OSError, IndexError):
            return None
        return None if state == "Z" else words
    answer = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def is_running(pid: int, mark: str) -> bool:
    """Whether `pid` runs with `mark` in its command line; ids are used again, so the id alone proves nothing."""
    command = command_of(pid)
    return command is not None and mark in command


def wait_until(question: Callable[[], bool], seconds: float, pause: float = 0.01) -> bool:
    """Ask until the answer is yes; False if it is still no after `seconds`."""
    deadline = monotonic() + seconds
    while not question():
        if monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def end(pid: int, mark: str, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """End a process that is no child of ours: each signal in turn, each with its seconds of patience."""
    for number, seconds in signals:
        if not is_running(pid, mark):
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if wait_until(lambda: not is_running(pid, mark), seconds):
            return
