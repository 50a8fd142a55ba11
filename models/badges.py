"""Badges, who earned them, and how far a new one has been given to those who had earned it before it was there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import require_transaction, rows
from kit.paging import Ask, Page, page_of
from kit.words import BadgeMeasure
from models.accounts import Member
from models.courses import MediaAsset


class Badge(Model):
    """Earned with `threshold` of a `BadgeMeasure`, from `valid_from` on. Its picture: one of the server's own, or an
    upload.

    The rest is how far it was filled in: members looked at up to `filled_after`, in the order of their ids.
    """

    id = fields.UUIDField(primary_key=True)
    code = fields.CharField(40, unique=True)
    title_chinese = fields.CharField(40)
    title_english = fields.CharField(40)
    description_chinese = fields.CharField(200)
    description_english = fields.CharField(200)
    measure = fields.CharField(30)
    threshold = fields.IntField()
    icon = fields.CharField(30, null=True)
    icon_media: fields.ForeignKeyNullableRelation[MediaAsset] = fields.ForeignKeyField(
        "models.MediaAsset", "badges", null=True, on_delete=fields.RESTRICT
    )
    icon_media_id: UUID | None
    enabled = fields.BooleanField(default=True)
    valid_from = fields.DatetimeField()
    created_at = fields.DatetimeField()
    fill_total = fields.IntField(null=True)
    filled_after = fields.UUIDField(null=True)
    filled_members = fields.IntField(default=0)
    filled_awards = fields.IntField(default=0)
    filled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "badges"


class EarnedBadge(Model):
    """A badge that a member earned, once and for good; `value` of its measure then."""

    id = fields.BigIntField(primary_key=True, generated=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "earned_badges", on_delete=fields.RESTRICT
    )
    member_id: UUID
    badge: fields.ForeignKeyRelation[Badge] = fields.ForeignKeyField(
        "models.Badge", "earned", on_delete=fields.RESTRICT
    )
    badge_id: UUID
    value = fields.BigIntField()
    earned_at = fields.DatetimeField()

    class Meta:
        table = "earned_badges"


@dataclass(frozen=True, slots=True)
class Open:
    """A badge that a member may still earn."""

    id: UUID
    measure: BadgeMeasure
    threshold: int
    title_chinese: str
    title_english: str


@dataclass(frozen=True, slots=True)
class Earned:
    member_id: UUID
    badge_id: UUID
    value: int


_SUMS: Mapping[BadgeMeasure, str] = {
    BadgeMeasure.LIFETIME_POINTS: "SELECT lifetime FROM point_accounts WHERE member_id = m.id",
    BadgeMeasure.LEARNED_DAYS: "SELECT count(*) FROM (SELECT FROM learned_days WHERE member_id = m.id GROUP BY day"
    " HAVING sum(amount) > 0) learned",
    # The same as the sum of `learning_seconds`, in far fewer rows; `progress verify` compares them.
    BadgeMeasure.LEARNING_SECONDS: "SELECT sum(watched_seconds) FROM lesson_progress WHERE member_id = m.id",
}


async def values_of(
    member_ids: Sequence[UUID], counted: Mapping[BadgeMeasure, str], sums: Sequence[BadgeMeasure]
) -> list[dict[BadgeMeasure, int]]:
    """The measures of each member, in the order of the ids: facts counted by kind, and sums."""
    parts = {measure: _SUMS[measure] for measure in sums}
    for number, measure in enumerate(counted, start=2):
        parts[measure] = f"SELECT count(*) FROM facts WHERE member_id = m.id AND kind = ${number}"  # noqa: S608
    shown = ", ".join(f"coalesce(({part}), 0)::bigint AS {measure.value.lower()}" for measure, part in parts.items())
    found = await rows(
        f"SELECT m.id{', ' if shown else ''}{shown} FROM unnest($1::uuid[]) m (id)",  # noqa: S608 - fixed parts
        list(member_ids), *counted.values(),
    )  # fmt: skip
    by_id = {row["id"]: {measure: int(row[measure.value.lower()]) for measure in parts} for row in found}
    return [by_id[each] for each in member_ids]


async def badges_to_earn(member_id: UUID, measures: Sequence[BadgeMeasure], now: datetime) -> list[Open]:
    """The badges by these measures that can be earned now and that the member has not."""
    found = await rows(
        "SELECT b.id, b.measure, b.threshold, b.title_chinese, b.title_english FROM badges b"
        " WHERE b.enabled AND b.valid_from <= $3 AND b.measure = ANY($2::text[])"
        " AND NOT EXISTS (SELECT FROM earned_badges e WHERE e.member_id = $1 AND e.badge_id = b.id)"
        " ORDER BY b.threshold, b.id",
        member_id, [measure.value for measure in measures], now,
    )  # fmt: skip
    return [
        Open(row["id"], BadgeMeasure(row["measure"]), row["threshold"], row["title_chinese"], row["title_english"])
        for row in found
    ]


async def give_badges(earned: Sequence[Earned], at: datetime) -> list[Earned]:
    """Keep what was earned; those that were not earned before. Nobody whose account is deleted earns anything."""
    require_transaction()
    kept = await rows(
        "INSERT INTO earned_badges (member_id, badge_id, value, earned_at)"
        " SELECT e.member_id, e.badge_id, e.value, $1 FROM unnest($2::uuid[], $3::uuid[], $4::bigint[])"
        " AS e (member_id, badge_id, value) JOIN members m ON m.id = e.member_id AND m.deleted_at IS NULL"
        " ORDER BY e.member_id, e.badge_id ON CONFLICT (member_id, badge_id) DO NOTHING"
        " RETURNING member_id, badge_id, value",
        at, [each.member_id for each in earned], [each.badge_id for each in earned], [each.value for each in earned],
    )  # fmt: skip
    return [Earned(row["member_id"], row["badge_id"], row["value"]) for row in kept]


async def add_badge(badge: Badge) -> bool:
    """Add a badge; False if its code is taken."""
    added = await rows(
        "INSERT INTO badges (id, code, title_chinese, title_english, description_chinese, description_english, measure,"
        " threshold, icon, icon_media_id, enabled, valid_from, created_at, filled_members, filled_awards)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, true, $11, $12, 0, 0) ON CONFLICT (code) DO NOTHING"
        " RETURNING id",
        badge.id, badge.code, badge.title_chinese, badge.title_english, badge.description_chinese,
        badge.description_english, badge.measure, badge.threshold, badge.icon, badge.icon_media_id, badge.valid_from,
        badge.created_at,
    )  # fmt: skip
    return bool(added)


async def badges_by_ids(ids: Sequence[UUID]) -> list[Badge | None]:
    """The badges of these ids, in the order of `ids`."""
    found = {badge.id: badge for badge in await Badge.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def earned_by(member_id: UUID) -> list[EarnedBadge]:
    """What the member has earned, the newest first, each with its badge."""
    return await EarnedBadge.filter(member_id=member_id).order_by("-earned_at", "-id").prefetch_related("badge")


async def earned_at(member_id: UUID, badge_ids: Sequence[UUID]) -> list[datetime | None]:
    """When the member earned each of these badges, in their order; None: not yet."""
    found = await EarnedBadge.filter(member_id=member_id, badge_id__in=list(badge_ids))
    moments = {each.badge_id: each.earned_at for each in found}
    return [moments.get(each) for each in badge_ids]


async def badges_page(now: datetime | None, ask: Ask) -> Page[Badge]:
    """Badges by measure, the easiest first; with `now` only those that can be earned then. Key: [measure, threshold,
    id]."""
    where = "($1::timestamptz IS NULL OR (enabled AND valid_from <= $1))"
    values: list[object] = [now, *(ask.after or ()), *(ask.before or ())]
    for key, beyond, place in ((ask.after, ">", 2), (ask.before, "<", 5 if ask.after is not None else 2)):
        if key is not None:
            where += f" AND (measure, threshold, id) {beyond} (${place}::text, ${place + 1}::int, ${place + 2}::uuid)"
    order = "DESC" if ask.backwards else "ASC"
    found = await rows(
        f"SELECT id FROM badges WHERE {where}"  # noqa: S608 - fixed parts
        f" ORDER BY measure {order}, threshold {order}, id {order} LIMIT {ask.limit + 1}",
        *values,
    )
    return page_of([each for each in await badges_by_ids([row["id"] for row in found]) if each], ask)


async def count_badges(now: datetime | None) -> int:
    badges = Badge.all() if now is None else Badge.filter(enabled=True, valid_from__lte=now)
    return await badges.count()


async def badges_to_fill(now: datetime) -> list[UUID]:
    """The badges that can be earned and were not yet given to all who had earned them before; the oldest first."""
    found = await rows(
        "SELECT id FROM badges WHERE filled_at IS NULL AND enabled AND valid_from <= $1 ORDER BY created_at, id", now
    )
    return [row["id"] for row in found]


async def locked_fill(badge_id: UUID) -> Badge | None:
    """The badge while it is being filled in, its row locked until the transaction ends; None if it is filled, or if
    somebody else is filling it.

    The lock lets others earn the badge meanwhile: whoever does so refers to its row.
    """
    require_transaction()
    found = await rows(
        "SELECT id FROM badges WHERE id = $1 AND filled_at IS NULL AND enabled FOR NO KEY UPDATE SKIP LOCKED", badge_id
    )
    return await Badge.get(id=badge_id) if found else None


async def next_members(after: UUID | None, limit: int) -> list[UUID]:
    """Members with an account, in the order of their ids."""
    found = await rows(
        "SELECT id FROM members WHERE ($1::uuid IS NULL OR id > $1) AND deleted_at IS NULL ORDER BY id LIMIT $2",
        after, limit,
    )  # fmt: skip
    return [row["id"] for row in found]


async def count_members() -> int:
    return await Member.filter(deleted_at__isnull=True).count()
