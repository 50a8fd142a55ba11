"""The demo's live lessons: a weekly series, one later today, and a small one whose seats are all taken."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from auth.actor import Actor, Grant
from kit.clock import ZONE
from kit.ids import new_id
from kit.words import Role
from models.live import LiveLesson
from services.demo_city import City, Resident
from services.live_plans import CreditRule, LivePlan
from services.live_schedule import schedule_live_lesson
from services.live_seats import reserve_live_seat
from services.ports import Ports

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
EVENING = 20
"""When shops have closed: the hour of the series, in Shanghai."""
SMALL = 8
"""Seats of the small lesson; as many again want one."""


async def tell_live(ports: Ports, city: City, others: Sequence[Resident], learner: Resident) -> None:
    """Plan the lessons and reserve the seats; begun again, it goes on."""
    admin = Actor(city.id("member", "staff-admin"), new_id(), (Grant(Role.ADMIN, None, ""),))
    for plan in _plans(city):
        if not await LiveLesson.exists(title=plan.title):
            await schedule_live_lesson(ports, admin, plan)
    today, weekly, small = [await _first(plan.title) for plan in _plans(city)]
    for resident in (*others[:12], learner):
        await reserve_live_seat(ports, _as(resident), today.id)
        await reserve_live_seat(ports, _as(resident), weekly.id)
    for resident in (*others[: 2 * SMALL], learner):
        await reserve_live_seat(ports, _as(resident), small.id)


def _plans(city: City) -> list[LivePlan]:
    """In two hours, every Wednesday evening, and the evening after tomorrow."""
    local = city.now.astimezone(ZONE)
    soon = local.replace(minute=0, second=0, microsecond=0) + 3 * HOUR
    to_wednesday = (2 - local.weekday()) % 7 or 7
    return [
        _plan(city, 1, "旺季补货怎么算：店主答疑专场", "ordering", soon),
        _plan(
            city, 2, "周三晚课：陈列一招一式", "display", _evening(local, to_wednesday),
            recurrence="FREQ=WEEKLY", capacity=300,
        ),
        _plan(city, 3, "小班直播：看图改货架", "display", _evening(local, 2), capacity=SMALL),
    ]  # fmt: skip


def _plan(
    city: City,
    lecturer: int,
    title: str,
    module: str,
    starts_at: datetime,
    *,
    recurrence: str | None = None,
    capacity: int | None = None,
) -> LivePlan:
    return LivePlan(
        title=title,
        host_id=city.id("member", f"staff-lecturer-{lecturer}"),
        starts_at=starts_at,
        ends_at=starts_at + HOUR,
        description="带上店里的照片，主讲老师当场讲；讲完还有签到和答疑。",
        module_id=city.id("module", module),
        capacity=capacity,
        recurrence=recurrence,
        credit_rule=CreditRule(min_percent=70),
    )


def _evening(local: datetime, days: int) -> datetime:
    return (local + days * DAY).replace(hour=EVENING, minute=0, second=0, microsecond=0)


async def _first(title: str) -> LiveLesson:
    lesson = await LiveLesson.filter(title=title).order_by("starts_at").first()
    assert lesson is not None, title
    return lesson


def _as(resident: Resident) -> Actor:
    return Actor(resident.member_id, new_id(), ())
