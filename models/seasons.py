"""Named seasons. They never overlap, begin on the day they are named or later, and are not changed afterwards."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

from kit.db import execute, require_transaction
from kit.paging import Ask, Page, page_of
from kit.words import PrizeOrder


class NamedSeason(Model):
    """The days [starts_on, ends_on). `prizes`: lines {first, last, points} of its main board, the best first."""

    id = fields.UUIDField(primary_key=True)
    title = fields.CharField(40)
    starts_on = fields.DateField()
    ends_on = fields.DateField()
    prizes: list[dict[str, Any]] = fields.JSONField()
    prizes_by = fields.CharEnumField(PrizeOrder, max_length=10)
    created_at = fields.DatetimeField()

    class Meta:
        table = "seasons"


async def all_seasons() -> list[NamedSeason]:
    """Every season, the first to begin first: a few a year."""
    return await NamedSeason.all().order_by("starts_on")


async def lock_seasons() -> None:
    """Nobody else names a season until the transaction ends; reading goes on."""
    require_transaction()
    await execute("LOCK TABLE seasons IN SHARE ROW EXCLUSIVE MODE")


async def overlapping(starts_on: date, ends_on: date) -> bool:
    return await NamedSeason.filter(starts_on__lt=ends_on, ends_on__gt=starts_on).exists()


async def seasons_by_ids(ids: Sequence[UUID]) -> list[NamedSeason | None]:
    """The seasons of these ids, in the order of `ids`."""
    found = {row.id: row for row in await NamedSeason.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def seasons_by_starts(starts: Sequence[date]) -> list[NamedSeason | None]:
    """The seasons that begin on these days, in the order of `starts`."""
    found = {row.starts_on: row for row in await NamedSeason.filter(starts_on__in=list(starts))}
    return [found.get(each) for each in starts]


async def seasons_page(ask: Ask) -> Page[NamedSeason]:
    """The last to begin first. Key: [starts_on, id]."""
    query = NamedSeason.all()
    if ask.after is not None:
        starts_on, row_id = ask.after
        query = query.filter(Q(starts_on__lt=starts_on) | Q(starts_on=starts_on, id__lt=row_id))
    if ask.before is not None:
        starts_on, row_id = ask.before
        query = query.filter(Q(starts_on__gt=starts_on) | Q(starts_on=starts_on, id__gt=row_id))
    order = ("starts_on", "id") if ask.backwards else ("-starts_on", "-id")
    return page_of(await query.order_by(*order).limit(ask.limit + 1), ask)


async def count_seasons() -> int:
    return await NamedSeason.all().count()
