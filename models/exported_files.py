"""The life of files made in the background, the same for every table of them: asked for, made, fetched, swept away.

A table of such files has id, member_id, status, storage_key, requested_at, tries, due_at, ready_at, expires_at,
size_bytes, sha256 and removed_at.
"""

from datetime import datetime
from uuid import UUID

from kit.db import rows
from kit.words import ExportStatus

DATA_EXPORTS, REPORT_EXPORTS = "data_exports", "report_exports"
TABLES = (DATA_EXPORTS, REPORT_EXPORTS)


async def files_due(table: str, now: datetime, limit: int) -> list[UUID]:
    """Files to be made, the longest waiting first; those that a process is making are among them."""
    found = await rows(
        f"SELECT id FROM {table} WHERE status IN ('QUEUED', 'RUNNING') AND due_at <= $1 ORDER BY due_at, id LIMIT $2",  # noqa: S608
        now, limit,
    )  # fmt: skip
    return [row["id"] for row in found]


async def begin_file(table: str, file_id: UUID, now: datetime, next_try_at: datetime, most_tries: int) -> bool:
    """Count a try; False if it is no longer to be made. FAILED after `most_tries`."""
    begun = await rows(
        f"UPDATE {table} SET tries = tries + 1, due_at = $3,"  # noqa: S608 - one of two names
        " status = CASE WHEN tries >= $4 THEN 'FAILED' ELSE 'RUNNING' END"
        " WHERE id = $1 AND status IN ('QUEUED', 'RUNNING') AND due_at <= $2 RETURNING status",
        file_id, now, next_try_at, most_tries,
    )  # fmt: skip
    return bool(begun) and begun[0]["status"] == ExportStatus.RUNNING


async def give_up_file(table: str, file_id: UUID) -> None:
    """FAILED, without another try."""
    await rows(
        f"UPDATE {table} SET status = 'FAILED' WHERE id = $1 AND status = 'RUNNING' RETURNING id",  # noqa: S608
        file_id,
    )


async def finish_file(
    table: str, file_id: UUID, *, size_bytes: int, sha256: str, ready_at: datetime, expires_at: datetime
) -> bool:
    """The file is there; False if nobody wants it any more."""
    ready = await rows(
        f"UPDATE {table} SET status = 'READY', size_bytes = $2, sha256 = $3, ready_at = $4, expires_at = $5"  # noqa: S608
        " WHERE id = $1 AND status = 'RUNNING' RETURNING id",
        file_id, size_bytes, sha256, ready_at, expires_at,
    )  # fmt: skip
    return bool(ready)


async def expire_files(table: str, now: datetime) -> None:
    """End the files whose time is over."""
    await rows(
        f"UPDATE {table} SET status = 'EXPIRED' WHERE status = 'READY' AND expires_at <= $1 RETURNING id",  # noqa: S608
        now,
    )


async def end_files_of(member_id: UUID, now: datetime) -> None:
    """End every file of a member, made or not."""
    for table in TABLES:
        await rows(
            f"UPDATE {table} SET status = 'EXPIRED', expires_at = least(expires_at, $1)"  # noqa: S608
            " WHERE member_id = $2 AND status IN ('QUEUED', 'RUNNING', 'READY') RETURNING id",
            now, member_id,
        )  # fmt: skip


async def files_to_remove(table: str, limit: int) -> list[tuple[UUID, str]]:
    """(id, storage key) of files that are over and whose bytes may still stand."""
    found = await rows(
        f"SELECT id, storage_key FROM {table} WHERE status IN ('EXPIRED', 'FAILED') AND removed_at IS NULL"  # noqa: S608
        " ORDER BY requested_at LIMIT $1",
        limit,
    )
    return [(row["id"], row["storage_key"]) for row in found]


async def mark_removed(table: str, file_id: UUID, at: datetime) -> None:
    """The bytes of a file are gone."""
    await rows(f"UPDATE {table} SET removed_at = $2 WHERE id = $1 RETURNING id", file_id, at)  # noqa: S608
