"""Rewards to be had for points, and their redemptions.

Whoever redeems or cancels holds the member's account row first, then the redemption's, then the reward's, so that the
one row that everybody wants is held for the shortest time.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import execute, rows
from kit.paging import Ask, Page, page_of
from kit.words import RedemptionStatus
from models.accounts import Member
from models.courses import MediaAsset
from models.offers import FOR_SCOPE, OfferScope
from models.outlets import Region


class Reward(Model):
    """`taken` of `stock` are redeemed. On offer in [available_from, available_until); no region: everywhere."""

    id = fields.UUIDField(primary_key=True)
    title = fields.CharField(80)
    description = fields.CharField(1000)
    image_media: fields.ForeignKeyNullableRelation[MediaAsset] = fields.ForeignKeyField(
        "models.MediaAsset", "rewards", null=True, on_delete=fields.RESTRICT
    )
    image_media_id: UUID | None
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "rewards", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    cost = fields.IntField()
    stock = fields.IntField()
    taken = fields.IntField(default=0)
    per_member_limit = fields.IntField(null=True)
    available_from = fields.DatetimeField()
    available_until = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "rewards"

    @property
    def stock_left(self) -> int:
        return self.stock - self.taken


class Redemption(Model):
    """One reward bought by one member, at its price then. The region is where the member stood; none: nowhere."""

    id = fields.UUIDField(primary_key=True)
    reward: fields.ForeignKeyRelation[Reward] = fields.ForeignKeyField(
        "models.Reward", "redemptions", on_delete=fields.RESTRICT
    )
    reward_id: UUID
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "redemptions", on_delete=fields.RESTRICT
    )
    member_id: UUID
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "redemptions", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    status = fields.CharEnumField(RedemptionStatus, max_length=10)
    code = fields.CharField(8, unique=True)
    cost = fields.IntField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "redemptions"


class RedemptionStep(Model):
    """A redemption came into a state: when, by whom, and what they noted."""

    id = fields.BigIntField(primary_key=True, generated=True)
    redemption: fields.ForeignKeyRelation[Redemption] = fields.ForeignKeyField(
        "models.Redemption", "steps", on_delete=fields.RESTRICT
    )
    redemption_id: UUID
    status = fields.CharEnumField(RedemptionStatus, max_length=10)
    at = fields.DatetimeField()
    by = fields.UUIDField()
    note = fields.CharField(200)

    class Meta:
        table = "redemption_steps"


async def rewards_page(scope: OfferScope, now: datetime, ask: Ask) -> Page[Reward]:
    """The rewards made to this scope, the cheapest first. Key: [cost, id]."""
    where, values = _made_to(scope, now)
    for key, beyond in ((ask.after, ">"), (ask.before, "<")):
        if key is not None:
            where += f" AND (w.cost, w.id) {beyond} (${len(values) + 1}::int, ${len(values) + 2}::uuid)"
            values += key
    order = "DESC" if ask.backwards else "ASC"
    found = await rows(
        "SELECT w.id FROM rewards w LEFT JOIN regions r ON r.id = w.region_id"  # noqa: S608 - fixed parts
        f" WHERE {where} ORDER BY w.cost {order}, w.id {order} LIMIT {ask.limit + 1}",
        *values,
    )
    return page_of([each for each in await rewards_by_ids([row["id"] for row in found]) if each], ask)


async def count_rewards(scope: OfferScope, now: datetime) -> int:
    where, values = _made_to(scope, now)
    [row] = await rows(
        f"SELECT count(*) AS n FROM rewards w LEFT JOIN regions r ON r.id = w.region_id WHERE {where}",  # noqa: S608
        *values,
    )
    return int(row["n"])


def _made_to(scope: OfferScope, now: datetime) -> tuple[str, list[object]]:
    open_now = "w.available_from <= $3 AND (w.available_until IS NULL OR w.available_until > $3)"
    return f"{FOR_SCOPE} AND ($4 OR {open_now})", [*scope.values, now, scope.unopened]


async def rewards_by_ids(ids: Sequence[UUID]) -> list[Reward | None]:
    """The rewards of these ids, in the order of `ids`."""
    found = {reward.id: reward for reward in await Reward.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def offered_rewards(scope: OfferScope, ids: Sequence[UUID]) -> list[Reward | None]:
    """Those of these rewards that are made to the scope, open or not, in the order of `ids`."""
    found = await rows(
        "SELECT w.id FROM rewards w LEFT JOIN regions r ON r.id = w.region_id"  # noqa: S608 - fixed parts
        f" WHERE {FOR_SCOPE} AND w.id = ANY($3::uuid[])",
        *scope.values, list(ids),
    )  # fmt: skip
    offered = {row["id"] for row in found}
    return [reward if reward and reward.id in offered else None for reward in await rewards_by_ids(ids)]


async def take_one(reward_id: UUID) -> bool:
    """Take one from the stock; False if none is left. Holds the reward's row until the transaction ends."""
    return await execute("UPDATE rewards SET taken = taken + 1 WHERE id = $1 AND taken < stock", reward_id) == 1


async def put_back(reward_id: UUID) -> None:
    await execute("UPDATE rewards SET taken = taken - 1 WHERE id = $1", reward_id)


async def count_held(member_id: UUID, reward_id: UUID) -> int:
    """How many of this reward the member has redeemed and not cancelled."""
    held = Redemption.filter(member_id=member_id, reward_id=reward_id)
    return await held.exclude(status=RedemptionStatus.CANCELLED).count()


async def locked_redemption(redemption_id: UUID) -> Redemption | None:
    """The redemption, its row locked until the transaction ends."""
    return await Redemption.select_for_update().get_or_none(id=redemption_id)


async def redemptions_by_ids(ids: Sequence[UUID]) -> list[Redemption | None]:
    """The redemptions of these ids, in the order of `ids`."""
    found = {each.id: each for each in await Redemption.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def redemptions_of(member_id: UUID, ask: Ask) -> Page[Redemption]:
    """The member's redemptions, the newest first. Key: [created_at, id]."""
    return await _redemptions_page("d.member_id = $1", [member_id], ask)


async def count_redemptions_of(member_id: UUID) -> int:
    return await Redemption.filter(member_id=member_id).count()


async def redemptions_in(
    tops: Sequence[str], status: RedemptionStatus | None, code: str | None, ask: Ask
) -> Page[Redemption]:
    """The redemptions of members who stood in these subtrees, the newest first. Key: [created_at, id]."""
    where, values = _in_subtrees(tops, status, code)
    return await _redemptions_page(where, values, ask)


async def count_redemptions_in(tops: Sequence[str], status: RedemptionStatus | None, code: str | None) -> int:
    where, values = _in_subtrees(tops, status, code)
    [row] = await rows(
        f"SELECT count(*) AS n FROM redemptions d LEFT JOIN regions r ON r.id = d.region_id WHERE {where}",  # noqa: S608
        *values,
    )
    return int(row["n"])


def _in_subtrees(tops: Sequence[str], status: RedemptionStatus | None, code: str | None) -> tuple[str, list[object]]:
    where = (
        "EXISTS (SELECT 1 FROM unnest($1::text[]) top WHERE starts_with(coalesce(r.path, ''), top))"
        " AND ($2::text IS NULL OR d.status = $2) AND ($3::text IS NULL OR d.code = $3)"
    )
    return where, [list(tops), status.value if status else None, code]


async def _redemptions_page(where: str, values: list[object], ask: Ask) -> Page[Redemption]:
    for key, beyond in ((ask.after, "<"), (ask.before, ">")):
        if key is not None:
            where += f" AND (d.created_at, d.id) {beyond} (${len(values) + 1}::timestamptz, ${len(values) + 2}::uuid)"
            values = [*values, *key]
    order = "ASC" if ask.backwards else "DESC"
    found = await rows(
        "SELECT d.id FROM redemptions d LEFT JOIN regions r ON r.id = d.region_id"  # noqa: S608 - fixed parts
        f" WHERE {where} ORDER BY d.created_at {order}, d.id {order} LIMIT {ask.limit + 1}",
        *values,
    )
    return page_of([each for each in await redemptions_by_ids([row["id"] for row in found]) if each], ask)


async def steps_of(redemption_ids: Sequence[UUID]) -> list[list[RedemptionStep]]:
    """The way of each redemption so far, oldest step first, in the order of the ids."""
    shelf: dict[UUID, list[RedemptionStep]] = {each: [] for each in redemption_ids}
    for step in await RedemptionStep.filter(redemption_id__in=list(redemption_ids)).order_by("id"):
        shelf[step.redemption_id].append(step)
    return [shelf[each] for each in redemption_ids]
