"""Uploads: what a client may put, what has arrived, and what became of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import rows


class Upload(Model):
    """One file on its way in. Its id becomes that of the media asset.

    `attempts` counts the PUTs that were begun, each with a key of its own in storage, so that bytes that were verified
    are never written over; `received_attempt` is the one that arrived whole. `file_name` is for people, never a path.
    """

    id = fields.UUIDField(primary_key=True)
    member_id = fields.UUIDField()
    file_name = fields.CharField(200)
    content_type = fields.CharField(100)
    size_bytes = fields.BigIntField()
    sha256 = fields.CharField(64)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    attempts = fields.SmallIntField(default=0)
    received_attempt = fields.SmallIntField(null=True)
    completed_at = fields.DatetimeField(null=True)
    swept_at = fields.DatetimeField(null=True)

    class Meta:
        table = "uploads"


async def upload_by_id(upload_id: UUID) -> Upload | None:
    return await Upload.get_or_none(id=upload_id)


async def locked_upload(upload_id: UUID) -> Upload | None:
    """The upload, its row locked until the transaction ends."""
    return await Upload.select_for_update().get_or_none(id=upload_id)


async def count_open_uploads(member_id: UUID, now: datetime) -> int:
    """Uploads of the member that may still come."""
    return await Upload.filter(member_id=member_id, completed_at=None, expires_at__gt=now).count()


async def count_uploads_since(member_id: UUID, since: datetime) -> int:
    """Uploads the member has begun after `since`, whatever became of them."""
    return await Upload.filter(member_id=member_id, created_at__gt=since).count()


async def uploads_over(before: datetime, sheets_before: datetime, sheets: Sequence[str], limit: int) -> list[Upload]:
    """Uploads whose time was over at `before` and that still hold bytes nobody needs, the oldest first.

    Those that were never completed; of the others what was put in vain, and of sheets all that was completed before
    `sheets_before`: they hold people's phones.
    """
    found = await rows(
        "SELECT id FROM uploads WHERE swept_at IS NULL AND expires_at <= $1"
        " AND (completed_at IS NULL OR content_type <> ALL($3::text[]) OR completed_at <= $2)"
        " ORDER BY expires_at, id LIMIT $4",
        before, sheets_before, list(sheets), limit,
    )  # fmt: skip
    by_id = {upload.id: upload for upload in await Upload.filter(id__in=[row["id"] for row in found])}
    return [by_id[row["id"]] for row in found]
