"""The database as a file, by PostgreSQL's own pg_dump, and back by its pg_restore and psql; both from the wheel.

A password never stands among the arguments, where every user of the machine could read it.
"""

import asyncio
import contextlib
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kit.embedded import postgres_binary

PIECE_BYTES = 256 * 1024

EMPTY = """
SET client_min_messages = warning;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""


class DumpFailure(Exception):
    """A tool of PostgreSQL's did not do it; the message is what it said."""


async def dump_database(url: str, file: Path) -> None:
    """Write everything in the database at `url`, as of one moment, to `file`; writers go on meanwhile.

    In pg_dump's custom format, compressed. Who owns what is left out, so that it can be restored under another user.
    """
    words, variables = _connection(url)
    await _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={file}", *words, **variables)


async def read_dump(file: Path) -> None:
    """Read what `dump_database` wrote to its end, without a database. DumpFailure if it is cut short or rows damaged.

    What a bit that fell over changed in the text of a definition is not found: nothing in the file tells.
    """
    await _run("pg_restore", "--file=/dev/null", str(file))


async def restore_database(url: str, file: Path) -> None:
    """Put what `dump_database` wrote in the place of everything that is in the database at `url`, all or nothing.

    One transaction: whatever fails leaves the database as it was.
    """
    words, variables = _connection(url)
    restore = ("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--file=-", str(file))
    load = ("psql", "--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", "--single-transaction")
    source = await _start(restore, {}, stdout=PIPE)
    target = await _start([*load, f"--command={EMPTY}", "--file=-", *words], variables, stdin=PIPE)
    try:
        await _pass_on(source, target)
        (_, why), (_, refused) = await asyncio.gather(source.communicate(), target.communicate())
    except BaseException:
        for process in (source, target):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        raise
    if target.returncode and refused:
        raise DumpFailure(refused.decode(errors="replace").strip())
    if source.returncode or target.returncode:
        raise DumpFailure(why.decode(errors="replace").strip() or "The restore was ended from outside.")


async def _pass_on(source: Process, target: Process) -> None:
    """Give the output of one program to another. If one fails, the other is ended."""
    assert source.stdout is not None
    assert target.stdin is not None
    try:
        while piece := await source.stdout.read(PIECE_BYTES):
            target.stdin.write(piece)
            await target.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        source.kill()
        return
    if await source.wait():
        target.kill()  # at the end of what it reads it would commit: half a database
    target.stdin.close()


async def _run(tool: str, *words: str, **variables: str) -> None:
    process = await _start([tool, *words], variables)
    try:
        _, said = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    if process.returncode:
        raise DumpFailure(said.decode(errors="replace").strip())


async def _start(
    command: Sequence[str], variables: dict[str, str], *, stdin: int | None = None, stdout: int | None = None
) -> Process:
    tool, *words = command
    return await asyncio.create_subprocess_exec(
        str(postgres_binary(tool)),
        *words,
        stdin=DEVNULL if stdin is None else stdin,
        stdout=stdout,
        stderr=PIPE,
        env={**os.environ, **variables},
    )


def _connection(url: str) -> tuple[list[str], dict[str, str]]:
    """How libpq's tools are told of `url`: its password by the environment, the rest by an argument."""
    parts = urlsplit(url)
    if parts.password is None:
        return [f"--dbname={url}"], {}
    user, _, place = parts.netloc.rpartition("@")
    bare = parts._replace(netloc=f"{user.partition(':')[0]}@{place}").geturl()
    return [f"--dbname={bare}"], {"PGPASSWORD": unquote(parts.password)}
