"""The data directory: who owns it, and where its servers listen."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import orjson
from pydantic import BaseModel

from kit.embedded import Postgres, Valkey, socket_directory
from kit.processes import wait_until
from kit.settings import Settings

COMMAND_SECONDS = 600  # how long a command may keep the directory before another gives up waiting


class Busy(Exception):
    """The data directory has an owner; the message says which."""


class Owner(BaseModel):
    """What the owner of a data directory tells other processes (`run.json`)."""

    pid: int
    database_url: str
    redis_url: str
    address: str | None = None
    """Where it serves; None for a command that is soon done, whose servers nobody else may lean on."""


class Home:
    """A lock file that the kernel frees when its holder dies, however it dies, and beside it the holder's addresses."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run_file = directory / "run.json"
        self._lock: int | None = None

    def take(self) -> bool:
        """Become the owner; False if somebody else is."""
        self.directory.mkdir(parents=True, exist_ok=True)
        number = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            return False
        self._lock = number
        self.run_file.unlink(missing_ok=True)
        return True

    def tell(self, owner: Owner) -> None:
        draft = self.run_file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_bytes(orjson.dumps(owner.model_dump()))
        draft.replace(self.run_file)

    def owner(self) -> Owner | None:
        """What the present owner told, if it has told anything yet. Only to be believed while `take` fails."""
        try:
            return Owner.model_validate_json(self.run_file.read_bytes())
        except (OSError, ValueError):
            return None

    def leave(self) -> None:
        if self._lock is not None:
            self.run_file.unlink(missing_ok=True)
            self.forget()

    def forget(self) -> None:
        """Let go of the lock without a word: for a child process, which has the parent's."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Embedded:
    """The servers that a start with these settings has to run itself; none if the settings name both."""

    def __init__(self, settings: Settings) -> None:
        self.servers: list[Postgres | Valkey] = []
        self._settings = settings
        self._sockets: Path | None = None

    def start(self) -> Self:
        """Start them; if one fails, none is left running. The data directory must be ours by now."""
        data = self._settings.data_dir.absolute()
        wanted: list[type[Postgres | Valkey]] = []
        if self._settings.database_url is None:
            wanted.append(Postgres)
        if self._settings.redis_url is None:
            wanted.append(Valkey)
        if wanted:
            self._sockets = socket_directory(data)
            self.servers = [server(data, self._sockets) for server in wanted]
        with contextlib.ExitStack() as undo:
            for server in self.servers:
                server.start()
                undo.callback(server.stop)
            undo.pop_all()
        return self

    def revive(self) -> list[str]:
        """Start again what has died; its names."""
        dead = [server for server in self.servers if not server.is_alive()]
        for server in dead:
            server.start()
        return [type(server).__name__ for server in dead]

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def settings(self) -> Settings:
        """The settings with the addresses filled in."""
        found = {"database_url" if isinstance(s, Postgres) else "redis_url": s.url() for s in self.servers}
        return self._settings.model_copy(update=found)


@dataclass(frozen=True, slots=True)
class Standing:
    """Ground to work on."""

    settings: Settings
    """With both addresses filled in."""
    embedded: Embedded | None
    """The servers that were started for this block; None if there was no need."""


@contextmanager
def standing(settings: Settings, *, address: str | None = None) -> Iterator[Standing]:
    """Your databases if the settings name both, those of a running server, or servers that run for this block alone.

    `address`: where we serve, if other processes may lean on what we start.
    """
    if settings.database_url is not None and settings.redis_url is not None:
        yield Standing(settings, None)
        return
    home = Home(settings.data_dir.absolute())
    owner: Owner | None = None

    def found() -> bool:
        nonlocal owner
        if home.take():
            return True
        owner = home.owner()
        return owner is not None and owner.address is not None

    if not wait_until(found, COMMAND_SECONDS, pause=0.1):
        raise Busy(f"Another command has been using {home.directory} for {COMMAND_SECONDS} seconds.")
    if owner is not None and owner.address is not None:
        addresses = {"database_url": owner.database_url, "redis_url": owner.redis_url}
        yield Standing(settings.model_copy(update=addresses), None)
        return
    embedded = Embedded(settings)
    try:
        filled = embedded.start().settings()
        home.tell(owner_of(filled, address))
        yield Standing(filled, embedded)
    finally:
        embedded.stop()
        home.leave()


def owner_of(settings: Settings, address: str | None) -> Owner:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    return Owner(pid=os.getpid(), database_url=settings.database_url, redis_url=settings.redis_url, address=address)
