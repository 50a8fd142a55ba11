"""Live lessons on the calendar: planned, changed, moved and called off by admins, alone or with all that follow.

Whoever does so holds the hosts first, in the order of their ids, then the series, then the lessons in theirs.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_run_live
from gamification.tariff import Tariff
from gamification.worth import live_worth
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.words import LiveScope, LiveStatus
from models.audit import Details
from models.live import (
    LiveLesson,
    LiveSeries,
    LiveStep,
    busy_times,
    defer_host_check,
    hosts_of_following,
    locked_following,
    locked_host,
    locked_lesson,
    locked_series,
)
from models.live_lists import LiveLessonRow
from services.audit import record
from services.live import move_live_lesson, visible_lessons
from services.live_news import lesson_changed, lesson_planned, lesson_rescheduled
from services.live_plans import (
    LiveChange,
    LivePlan,
    Planned,
    check_capacity,
    check_cover,
    check_credit_rule,
    check_subject,
    check_times,
    checked_description,
    checked_reason,
    checked_title,
    hold_host,
    sorted_tiers,
)
from services.live_recurrence import Recurrence, read_recurrence
from services.live_seats import promote_waiting
from services.live_series import AHEAD, COPIED, DOORS_BEFORE, make_lessons
from services.live_states import Deed, allows, may_move, require_state
from services.offers import path_of, region_for_offer
from services.ports import Ports

CREDIT_COLUMNS = ("min_percent", "min_seconds", "points", "replay_points", "check_ins_required")
NEEDS = {
    "title": Deed.DESCRIBE,
    "description": Deed.DESCRIBE,
    "cover_media_id": Deed.DESCRIBE,
    "host_id": Deed.APPOINT,
    "capacity": Deed.SIZE,
    "audience_tiers": Deed.INVITE,
    **dict.fromkeys(CREDIT_COLUMNS, Deed.REWARD),
}
"""What a state must let one do, for a change of each column."""
TIME = "starts_at"
"""How `edited` calls the planned time."""


async def schedule_live_lesson(ports: Ports, actor: Actor, plan: LivePlan) -> Planned:
    """Put a lesson on the calendar, or with a rule all lessons of a series that lie within ninety days.

    HOST_BUSY at `hostId` if its host has another lesson at the time of one of them; then none is made.
    """
    now = ports.clock.now()
    plan = replace(
        plan,
        title=checked_title(plan.title),
        description=checked_description(plan.description),
        starts_at=plan.starts_at.replace(microsecond=0),
        ends_at=plan.ends_at.replace(microsecond=0),
    )
    check_times(now, plan.starts_at, plan.ends_at)
    check_capacity(plan.capacity)
    check_credit_rule(plan.credit_rule)
    recurrence = read_recurrence(plan.recurrence, plan.starts_at) if plan.recurrence is not None else None
    if recurrence is not None and plan.draft:
        raise bad_input("draft")
    await check_cover(plan.cover_media_id)
    await check_subject(actor, plan)
    plan = replace(plan, region_id=await region_for_offer(actor, plan.region_id))

    async def work() -> Planned:
        await hold_host(plan.host_id)
        if recurrence is None:
            lesson, made = await _make_one(ports, actor, plan), 1
        else:
            lesson, made = await _make_series(ports, actor, plan, recurrence)
        details: Details = {"title": plan.title, "lessons": made}
        path = await path_of(plan.region_id) or None
        await record(ports, actor, "live_lesson.scheduled", "LiveLesson", lesson.id, details, region_path=path)
        return Planned(lesson.id, made)

    return await transaction(work)


async def update_live_lesson(ports: Ports, actor: Actor, change: LiveChange) -> Planned:
    """Change what a lesson is, or this and all later ones of its series; what was edited for one alone stays.

    STATE_FORBIDS at the field that the lesson's state does not let one change; BAD_USER_INPUT at `capacity` below the
    seats that are taken; HOST_BUSY at `hostId`. More seats promote who waits.
    """
    seen = await _administered(actor, change.lesson_id)
    values = _values(change)
    if change.cover_media_id is not None:
        await check_cover(change.cover_media_id)
    host_id = change.host_id or (seen.host_id if change.publish else None)

    async def work() -> Planned:
        if host_id is not None:
            await hold_host(host_id)
        first, targets = await _held(seen, change.apply)
        _check_states(first, values, change)
        changed = []
        for lesson in targets:
            own = {} if lesson is first else dict.fromkeys(lesson.edited)
            fitting = {
                name: value
                for name, value in values.items()
                if name not in own and allows(lesson.status, NEEDS[name]) and getattr(lesson, name) != value
            }
            if fitting:
                changed.append((lesson, copy(lesson), fitting))
        if "host_id" in values:
            await _require_free(values["host_id"], [lesson for lesson, _, _ in changed], "hostId")
        for lesson, before, fitting in changed:
            await _apply(ports, lesson, before, fitting)
        if first.series_id is not None:
            await _remember(first, values.keys(), change.apply)
            if change.apply is LiveScope.THIS_AND_FOLLOWING:
                await LiveSeries.filter(id=first.series_id).update(**values)
        if change.publish:
            await _publish(ports, actor, first, host_id)
        count = max(len(changed), int(change.publish))
        if count:
            await _record_change(ports, actor, "live_lesson.updated", first, {"title": first.title, "lessons": count})
        return Planned(first.id, count)

    return await transaction(work)


async def reschedule_live_lesson(
    ports: Ports, actor: Actor, lesson_id: UUID, starts_at: datetime, ends_at: datetime, apply: LiveScope
) -> Planned:
    """Plan a lesson for another time, or shift with it all later ones of its series that were not moved by themselves.

    HOST_BUSY at `startsAt` if a host has another lesson then; STATE_FORBIDS once it has begun. Seats stay.
    """
    seen = await _administered(actor, lesson_id)
    starts_at, ends_at = starts_at.replace(microsecond=0), ends_at.replace(microsecond=0)
    check_times(ports.clock.now(), starts_at, ends_at)

    async def work() -> Planned:
        held = await _hold_hosts(seen, apply)
        first, targets = await _held(seen, apply)
        require_state(first.status, Deed.MOVE, "liveLessonId")
        shift = starts_at - (first.occurs_at or first.starts_at)
        moved = []
        for lesson in targets:
            if lesson is not first and (TIME in lesson.edited or not allows(lesson.status, Deed.MOVE)):
                continue
            begins = starts_at if lesson.occurs_at is None else lesson.occurs_at + shift
            span = (begins, begins + (ends_at - starts_at))
            if span != (lesson.starts_at, lesson.ends_at):
                moved.append((lesson, copy(lesson)))
                lesson.starts_at, lesson.ends_at = span
                lesson.doors_open_at, lesson.doors_close_at = span[0] - DOORS_BEFORE, span[1]
                lesson.schedule_version += 1
        if not {lesson.host_id for lesson, _ in moved} <= held:
            raise DomainError(ErrorCode.CONFLICT, field=["liveLessonId"])  # given to another host in this moment
        for host_id in sorted({lesson.host_id for lesson, _ in moved}):
            await _require_free(host_id, [lesson for lesson, _ in moved if lesson.host_id == host_id], "startsAt")
        await defer_host_check()
        for lesson, before in moved:
            await lesson.save(
                update_fields=["starts_at", "ends_at", "doors_open_at", "doors_close_at", "schedule_version"]
            )
            await lesson_rescheduled(ports, lesson, before)
        if first.series_id is not None:
            await _remember(first, [TIME], apply)
            if apply is LiveScope.THIS_AND_FOLLOWING:
                await LiveSeries.filter(id=first.series_id).update(
                    shift_seconds=int(shift.total_seconds()),
                    duration_seconds=int((ends_at - starts_at).total_seconds()),
                )
        if moved:
            details: Details = {"title": first.title, "lessons": len(moved), "starts_at": starts_at.isoformat()}
            await _record_change(ports, actor, "live_lesson.rescheduled", first, details)
        return Planned(first.id, len(moved))

    return await transaction(work)


async def cancel_live_lesson(ports: Ports, actor: Actor, lesson_id: UUID, reason: str, apply: LiveScope) -> Planned:
    """Call off a lesson, or it and all later ones, after which the series makes no more. Seats go; who had one is told.

    Again nothing happens. STATE_FORBIDS for a lesson that has begun.
    """
    seen, reason = await _administered(actor, lesson_id), checked_reason(reason)

    async def work() -> Planned:
        first, targets = await _held(seen, apply)
        if first.status is not LiveStatus.CANCELLED and not may_move(first.status, LiveStatus.CANCELLED):
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["liveLessonId"])
        ended = [lesson for lesson in targets if may_move(lesson.status, LiveStatus.CANCELLED)]
        for lesson in ended:
            await move_live_lesson(ports, lesson, LiveStatus.CANCELLED, cause=reason, by=actor.member_id)
        if first.series_id is not None and apply is LiveScope.THIS_AND_FOLLOWING:
            series = await locked_series(first.series_id)
            assert first.occurs_at is not None
            series.ends_before = min(first.occurs_at, series.ends_before or first.occurs_at)
            await series.save(update_fields=["ends_before"])
        if ended:
            details: Details = {"title": first.title, "lessons": len(ended), "reason": reason}
            await _record_change(ports, actor, "live_lesson.cancelled", first, details)
        return Planned(first.id, len(ended))

    return await transaction(work)


async def attendance_points(ports: Ports, tariff: Tariff, lessons: Sequence[LiveLessonRow]) -> list[tuple[int, int]]:
    """What having been present pays at the moment, and what the replay pays, for each lesson."""
    now = ports.clock.now()
    return [live_worth(tariff, now, each.points, each.replay_points) for each in lessons]


async def _make_one(ports: Ports, actor: Actor, plan: LivePlan) -> LiveLesson:
    lesson = LiveLesson(
        id=new_id(),
        status=LiveStatus.DRAFT if plan.draft else LiveStatus.SCHEDULED,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        doors_open_at=plan.starts_at - DOORS_BEFORE,
        doors_close_at=plan.ends_at,
        created_at=ports.clock.now(),
        **_columns(plan),
    )
    if not plan.draft:
        await _require_free(lesson.host_id, [lesson], "hostId")
    await lesson.save(force_create=True)
    await LiveStep.create(
        lesson_id=lesson.id, status=lesson.status, at=lesson.created_at, by=actor.member_id, cause="scheduled"
    )
    if not plan.draft:
        await lesson_planned(ports, lesson)
    return lesson


async def _make_series(ports: Ports, actor: Actor, plan: LivePlan, recurrence: Recurrence) -> tuple[LiveLesson, int]:
    now = ports.clock.now()
    until = max(now + AHEAD, plan.starts_at + timedelta(seconds=1))
    moments = recurrence.moments(plan.starts_at, until)
    length = plan.ends_at - plan.starts_at
    if await busy_times(plan.host_id, [(moment, moment + length) for moment in moments]):
        raise DomainError(ErrorCode.HOST_BUSY, field=["hostId"])
    series = await LiveSeries.create(
        id=new_id(),
        recurrence=recurrence.text,
        starts_at=plan.starts_at,
        duration_seconds=int(length.total_seconds()),
        shift_seconds=0,
        made_until=until,
        ends_before=None if recurrence.goes_on(until) else until,
        created_at=now,
        **_columns(plan),
    )
    lessons = await make_lessons(ports, series, moments, by=actor.member_id, cause="scheduled with its series")
    return lessons[0], len(lessons)


def _columns(plan: LivePlan) -> dict[str, Any]:
    """The columns of `COPIED` as the plan has them."""
    rule = plan.credit_rule
    columns: dict[str, Any] = {name: getattr(rule, name) for name in CREDIT_COLUMNS}
    columns |= {name: getattr(plan, name) for name in COPIED if name not in CREDIT_COLUMNS}
    return columns | {"audience_tiers": sorted_tiers(plan.audience_tiers)}


def _values(change: LiveChange) -> dict[str, Any]:
    """The columns that are to be different, checked by themselves."""
    values: dict[str, Any] = {}
    if change.title is not None:
        values["title"] = checked_title(change.title)
    if change.description is not None:
        values["description"] = checked_description(change.description)
    if change.cover_media_id is not None:
        values["cover_media_id"] = change.cover_media_id
    if change.host_id is not None:
        values["host_id"] = change.host_id
    if change.capacity is not None and change.unlimited:
        raise bad_input("unlimited")
    if change.capacity is not None or change.unlimited:
        check_capacity(change.capacity)
        values["capacity"] = change.capacity
    if change.audience_tiers is not None:
        values["audience_tiers"] = sorted_tiers(change.audience_tiers)
    if change.credit_rule is not None:
        check_credit_rule(change.credit_rule)
        values |= {name: getattr(change.credit_rule, name) for name in CREDIT_COLUMNS}
    return values


FIELDS = {
    "title": "title",
    "description": "description",
    "cover_media_id": "coverMediaId",
    "host_id": "hostId",
    "capacity": "capacity",
    "audience_tiers": "audienceTiers",
    **dict.fromkeys(CREDIT_COLUMNS, "creditRule"),
}
"""The input field of each column."""


def _check_states(first: LiveLesson, values: Mapping[str, object], change: LiveChange) -> None:
    for name in values:
        require_state(first.status, NEEDS[name], FIELDS[name])
    if change.publish and first.status is not LiveStatus.DRAFT:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["publish"])


async def _administered(actor: Actor, lesson_id: UUID) -> LiveLessonRow:
    """The lesson as it is seen now; NOT_FOUND if it is not there for the actor, FORBIDDEN outside their regions."""
    [seen] = await visible_lessons(actor, [lesson_id])
    if seen is None:
        raise not_found("liveLessonId")
    if not may_run_live(actor, seen.region_path):
        raise DomainError(ErrorCode.FORBIDDEN)
    return seen


async def _held(seen: LiveLessonRow, apply: LiveScope) -> tuple[LiveLesson, list[LiveLesson]]:
    """The lesson and all that the change is for, it among them, their rows held; with those that follow the series."""
    require_transaction()
    if apply is LiveScope.THIS or seen.series_id is None or seen.occurs_at is None:
        first = await locked_lesson(seen.id)
        assert first is not None, "live lessons are never deleted"
        return first, [first]
    await locked_series(seen.series_id)
    lessons = await locked_following(seen.series_id, seen.occurs_at)
    [first] = [each for each in lessons if each.id == seen.id]
    return first, lessons


async def _hold_hosts(seen: LiveLessonRow, apply: LiveScope) -> set[UUID]:
    """Keep everybody else from planning for who hosts the lessons in question."""
    hosts = {seen.host_id}
    if apply is LiveScope.THIS_AND_FOLLOWING and seen.series_id is not None and seen.occurs_at is not None:
        hosts |= await hosts_of_following(seen.series_id, seen.occurs_at)
    for host_id in sorted(hosts):
        await locked_host(host_id)
    return hosts


async def _require_free(host_id: UUID, lessons: Sequence[LiveLesson], field: str) -> None:
    """HOST_BUSY if the host, who is held, has a lesson beside these at the time of one that is no draft."""
    spans = [(each.starts_at, each.ends_at) for each in lessons if each.status is not LiveStatus.DRAFT]
    if await busy_times(host_id, spans, but=[each.id for each in lessons]):
        raise DomainError(ErrorCode.HOST_BUSY, field=[field])


async def _apply(ports: Ports, lesson: LiveLesson, before: LiveLesson, fitting: Mapping[str, object]) -> None:
    for name, value in fitting.items():
        setattr(lesson, name, value)
    if lesson.capacity is not None and lesson.capacity < lesson.seats_taken:
        raise bad_input("capacity")
    await lesson.save(update_fields=list(fitting))
    if "capacity" in fitting:
        await promote_waiting(ports, lesson)
    await lesson_changed(ports, lesson, before)


async def _publish(ports: Ports, actor: Actor, draft: LiveLesson, held: UUID | None) -> None:
    """Announce a draft whose host is held, and free then."""
    if draft.host_id != held:
        raise DomainError(ErrorCode.CONFLICT, field=["publish"])
    if draft.starts_at <= ports.clock.now():
        raise bad_input("publish")
    if await busy_times(draft.host_id, [(draft.starts_at, draft.ends_at)], but=[draft.id]):
        raise DomainError(ErrorCode.HOST_BUSY, field=["publish"])
    await move_live_lesson(ports, draft, LiveStatus.SCHEDULED, cause="published", by=actor.member_id)
    await lesson_planned(ports, draft)


async def _remember(first: LiveLesson, names: Iterable[str], apply: LiveScope) -> None:
    """Of a lesson in a series: which columns are its own from now on, or the series' again."""
    own = set(first.edited)
    own = own | set(names) if apply is LiveScope.THIS else own - set(names)
    if own != set(first.edited):
        first.edited = sorted(own)
        await first.save(update_fields=["edited"])


async def _record_change(ports: Ports, actor: Actor, action: str, lesson: LiveLesson, details: Details) -> None:
    path = await path_of(lesson.region_id) or None
    await record(ports, actor, action, "LiveLesson", lesson.id, details, region_path=path)
