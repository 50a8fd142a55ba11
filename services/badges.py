"""Badges: earned when their measure is reached, in the transaction that reaches it, and never twice or taken away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_make_badges
from gamification.badges import COUNTED, ICONS
from gamification.titles import Title
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.paging import Ask, Page
from kit.words import BadgeMeasure, NoticeKind, Role
from models import badges
from models.audit import Details
from models.badges import Badge, Earned, Open
from models.courses import media_by_id
from models.ledger import lock_accounts
from services.audit import record
from services.notices import Tidings, tell_each
from services.outbox import announce
from services.ports import Ports
from services.streaks import best_streak

MEMBERS_AT_ONCE = 200
LONGEST_CODE, LONGEST_TITLE, LONGEST_DESCRIPTION = 40, 40, 200
THRESHOLDS = range(1, 1_000_000_001)


@dataclass(frozen=True, slots=True)
class BadgePlan:
    """`valid_from` None: from now on. Exactly one of the two pictures."""

    code: str
    title: Title
    description: Title
    measure: BadgeMeasure
    threshold: int
    icon: str | None = None
    icon_media_id: UUID | None = None
    valid_from: datetime | None = None


async def earn_badges(
    ports: Ports, member_id: UUID, measures: Sequence[BadgeMeasure] = tuple(BadgeMeasure)
) -> list[UUID]:
    """Give the member the badges by these measures that they have reached by now; those given just now.

    The caller holds the lock of the member's account and has written all that the measures are found from: so no badge
    that is added meanwhile is missed, by this transaction or by the one that fills it in. It is for the caller to
    announce them.
    """
    require_transaction()
    now = ports.clock.now()
    still_open = await badges.badges_to_earn(member_id, measures, now)
    if not still_open:
        return []
    [values] = await _values([member_id], {each.measure for each in still_open})
    reached = [each for each in still_open if values[each.measure] >= each.threshold]
    given = await _give(ports, [(each, member_id, values[each.measure]) for each in reached], now)
    return [each.badge_id for each in given]


async def create_badge(ports: Ports, actor: Actor, plan: BadgePlan) -> Badge:
    """Declare a badge. Whoever has reached it already is given it by `fill_badges`, from `valid_from` on.

    CONFLICT for a code that is taken.
    """
    if not may_make_badges(actor):
        raise DomainError(ErrorCode.FORBIDDEN)
    now = ports.clock.now()
    title, description = (Title(*(text.strip() for text in each)) for each in (plan.title, plan.description))
    if not (1 <= len(plan.code) <= LONGEST_CODE and plan.code.isascii() and plan.code.replace(".", "").isalnum()):
        raise bad_input("code")
    for field, text, longest in (
        ("title", title.chinese, LONGEST_TITLE),
        ("englishTitle", title.english, LONGEST_TITLE),
        ("description", description.chinese, LONGEST_DESCRIPTION),
        ("englishDescription", description.english, LONGEST_DESCRIPTION),
    ):
        if not 1 <= len(text) <= longest:
            raise bad_input(field)
    if plan.threshold not in THRESHOLDS:
        raise bad_input("threshold")
    if (plan.icon is None) == (plan.icon_media_id is None) or (plan.icon is not None and plan.icon not in ICONS):
        raise bad_input("icon")
    if plan.icon_media_id is not None:
        media = await media_by_id(plan.icon_media_id)
        if media is None or media.kind != "IMAGE":
            raise not_found("iconMediaId")

    async def work() -> Badge:
        badge = Badge(
            id=new_id(),
            code=plan.code,
            title_chinese=title.chinese,
            title_english=title.english,
            description_chinese=description.chinese,
            description_english=description.english,
            measure=plan.measure.value,
            threshold=plan.threshold,
            icon=plan.icon,
            icon_media_id=plan.icon_media_id,
            valid_from=plan.valid_from or now,
            created_at=now,
        )
        if not await badges.add_badge(badge):
            raise DomainError(ErrorCode.CONFLICT, field=["code"])
        details: Details = {"title": title.chinese, "measure": plan.measure.value, "threshold": plan.threshold}
        await record(ports, actor, "badge.created", "Badge", badge.id, details)
        return badge

    return await transaction(work)


async def fill_badges(ports: Ports) -> None:
    """A tick: give new badges to those who had reached them before they were there.

    It goes on where another process stopped, and of two at once one does each stretch of members.
    """
    for badge_id in await badges.badges_to_fill(ports.clock.now()):
        while await transaction(partial(_fill_on, ports, badge_id)):
            pass


async def list_badges(ports: Ports, actor: Actor, ask: Ask) -> Page[Badge]:
    """What can be earned, by measure and the easiest first; staff over badges see all that was ever declared."""
    return await badges.badges_page(_listed_at(ports, actor), ask)


async def count_listed_badges(ports: Ports, actor: Actor) -> int:
    return await badges.count_badges(_listed_at(ports, actor))


async def visible_badges(ports: Ports, actor: Actor | None, ids: Sequence[UUID]) -> list[Badge | None]:
    """The badges of these ids, in their order: those that can be earned, those one has, and for staff over them all."""
    found = await badges.badges_by_ids(ids)
    if actor is None or _sees_all(actor):
        return found if actor is not None else [None] * len(found)
    now = ports.clock.now()
    earned = await badges.earned_at(actor.member_id, ids)
    return [
        badge if badge is not None and (at is not None or (badge.enabled and badge.valid_from <= now)) else None
        for badge, at in zip(found, earned, strict=True)
    ]


def sees_filling(actor: Actor | None) -> bool:
    """Who is shown how far a badge has been filled in."""
    return actor is not None and _sees_all(actor)


def _sees_all(actor: Actor) -> bool:
    return actor.has(Role.ADMIN, Role.AUDITOR)


def _listed_at(ports: Ports, actor: Actor) -> datetime | None:
    return None if _sees_all(actor) else ports.clock.now()


async def _fill_on(ports: Ports, badge_id: UUID) -> bool:
    """Look at the next members; True if there may be more of them.

    Each member's account is locked first: whoever is earning just now without knowing the badge has finished then, and
    whoever comes later knows it.
    """
    badge = await badges.locked_fill(badge_id)
    if badge is None:
        return False
    if badge.fill_total is None:
        badge.fill_total = await badges.count_members()
    member_ids = await badges.next_members(badge.filled_after, MEMBERS_AT_ONCE)
    now = ports.clock.now()
    if member_ids:
        await lock_accounts(member_ids)
        measure = BadgeMeasure(badge.measure)
        offer = Open(badge.id, measure, badge.threshold, badge.title_chinese, badge.title_english)
        values = [found[measure] for found in await _values(member_ids, {measure})]
        reached = [
            (offer, member_id, value)
            for member_id, value in zip(member_ids, values, strict=True)
            if value >= badge.threshold
        ]
        given = await _give(ports, reached, now)
        for each in given:
            await announce("member", str(each.member_id), {"badges": [str(each.badge_id)]})
        badge.filled_after = member_ids[-1]
        badge.filled_members += len(member_ids)
        badge.filled_awards += len(given)
    if len(member_ids) < MEMBERS_AT_ONCE:
        badge.filled_at = now
    await badge.save(
        update_fields=["fill_total", "filled_after", "filled_members", "filled_awards", "filled_at"], force_update=True
    )
    return badge.filled_at is None


async def _values(member_ids: Sequence[UUID], measures: set[BadgeMeasure]) -> list[dict[BadgeMeasure, int]]:
    """The measures of each member, in the order of the ids."""
    counted = {measure: COUNTED[measure] for measure in sorted(measures & COUNTED.keys())}
    sums = sorted(measures - COUNTED.keys() - {BadgeMeasure.BEST_STREAK_DAYS})
    values = await badges.values_of(member_ids, counted, sums)
    if BadgeMeasure.BEST_STREAK_DAYS in measures:
        for member_id, found in zip(member_ids, values, strict=True):
            found[BadgeMeasure.BEST_STREAK_DAYS] = await best_streak(member_id)
    return values


async def _give(ports: Ports, reached: Sequence[tuple[Open, UUID, int]], now: datetime) -> list[Earned]:
    """Give what was reached, and tell its member."""
    if not reached:
        return []
    given = await badges.give_badges([Earned(member_id, each.id, value) for each, member_id, value in reached], now)
    titles = {each.id: Title(each.title_chinese, each.title_english) for each, _, _ in reached}
    tidings = [
        Tidings(each.member_id, str(each.badge_id), {"badge": titles[each.badge_id]}, ("Badge", each.badge_id))
        for each in given
    ]
    await tell_each(ports, NoticeKind.BADGE_EARNED, tidings)
    return given
