"""Passwords of staff: argon2id, worked out on a few threads so that a rush of sign-ins cannot take the machine."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from kit.errors import bad_input

THREADS = 2
SHORTEST = 10
LONGEST = 128

# 19 MiB, two passes, one lane: the OWASP minimum, some 20 ms of one core.
HASH = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))

T = TypeVar("T")


class Passwords:
    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._nobody = _hash_of_nobody()

    async def hash(self, password: str, *field: str) -> str:
        """The hash to keep; BAD_USER_INPUT at `field` unless the password has 10 to 128 characters."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise bad_input(*field)
        return await self._worked_out(HASH.hash, password)

    async def verify(self, password: str, kept: str | None) -> bool:
        """True if `password` is the one kept. Without one it takes as long, and is False."""
        if len(password) > LONGEST:
            password = ""  # as much work as any wrong one
        right = await self._worked_out(self._matches, password, kept or self._nobody)
        return right and kept is not None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password: str, kept: str) -> bool:
        try:
            return HASH.verify(password, kept)
        except PwdlibError:
            return False

    async def _worked_out(self, work: Callable[..., T], *args: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


@cache
def _hash_of_nobody() -> str:
    """Checked in place of an unknown member's hash, so that both take the same time."""
    return HASH.hash("the password of nobody")
