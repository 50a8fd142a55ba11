"""The demo: a city of shops, a catalogue, and six weeks of learning that went through the rules of real learning."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog

from gamification.boards import BoardsAway
from gamification.credit import BUDGET_LIMIT_MS, MILLISECONDS_PER_SECOND, Budget
from gamification.reports import ReportedEvent, digest
from kit.db import transaction
from kit.errors import DomainError, ErrorCode
from kit.words import ProgressKind
from models import credit, outbox
from models.accounts import members_by_ids
from models.bulk import add_missing, take_statistics
from models.courses import CourseRating
from models.credit import EventRow
from models.outlet_import import regions_within
from models.outlets import region_by_code
from models.progress import has_learned
from seeds import big_city, story, town
from seeds.story import SeedReport
from services.board_building import rebuild
from services.courses import recount_course
from services.day_totals import count_everything
from services.demo_city import City, Resident, demo_id
from services.demo_classes import hold_classes
from services.demo_game import game_files, is_game_told, lay_paths, tell_game
from services.demo_live import tell_live
from services.demo_making import proposals
from services.demo_stories import story_pictures, tell_contest
from services.ports import Ports
from services.progress import credit_study
from services.study import Study, open_study

STORIES_AT_ONCE = 4
READING_A_RATING = timedelta(minutes=1)

_log = structlog.get_logger("demo")


def demo_accounts() -> list[tuple[str, str]]:
    """(who, phone) of the accounts for visitors, the learner first; the code 888888 signs in."""
    return [(account.who, account.phone) for account in town.ACCOUNTS]


async def is_demo_due(seed: int = 1) -> bool:
    """Whether the academy is empty, or this demo only half made. Never true where there are regions of your own,
    nor in a city of full size (`services/city_seed.py`), which has the demo's people but not its game."""
    if await region_by_code(big_city.PROVINCE[0]) is not None:
        return False
    member_id = demo_id(seed, "member", town.LEARNER)
    if await members_by_ids([member_id]) == [None]:
        return not await regions_within([""])
    return not await is_game_told(member_id)


async def seed_demo(ports: Ports, seed: int = 1, progress: Callable[[int, int], None] | None = None) -> None:
    """Make the demo of this seed number; again it changes nothing, and after a failure it goes on.

    `progress` hears (learners whose story is told, learners in all). CONFLICT if another demo is there.
    """
    city = City(ports, seed)
    for key, content in [*city.files(), *story_pictures(city), *game_files(city)]:
        if not await ports.storage.holds(key, len(content)):
            await ports.storage.put(key, content)
    if not await _is_founded(city):
        await transaction(partial(add_missing, [*city.people(), *city.catalogue(), *proposals(city)]))
    *others, learner = city.residents()
    if await is_game_told(learner.member_id):
        return
    await lay_paths(ports, city)
    await _tell_all(ports, city, others, progress)
    await tell_contest(ports, city, others)
    await hold_classes(ports, city, others)
    await tell_live(ports, city, others, learner)
    await _tell(ports, city, learner)
    await tell_game(ports, city)
    await take_statistics()
    for course in city.courses:
        await recount_course(city.id("course", course.code))
    await _show_boards(ports, city)
    await count_everything(ports)


async def _is_founded(city: City) -> bool:
    """Whether the city is there before anybody's story; CONFLICT if it is that of another seed."""
    top, *_ = town.regions()
    found = await region_by_code(top.code)
    if found is not None and found.id != city.id("region", top.code):
        raise DomainError(ErrorCode.CONFLICT, field=["seed"])
    return found is not None


async def _tell_all(
    ports: Ports, city: City, residents: list[Resident], progress: Callable[[int, int], None] | None
) -> None:
    """Some stories at a time, each in a transaction of its own."""
    waiting = iter(residents)
    told = 0

    async def tell_on() -> None:
        nonlocal told
        for resident in waiting:
            await _tell(ports, city, resident)
            told += 1
            if progress is not None:
                progress(told, len(residents))

    async with asyncio.TaskGroup() as group:
        for _ in range(STORIES_AT_ONCE):
            group.create_task(tell_on())


async def _tell(ports: Ports, city: City, resident: Resident) -> None:
    """Six weeks of one learner, judged, credited and rewarded like a report of today."""
    reports = story.reports(city.seed, resident.person, resident.placement.tier, city.courses, city.published, city.now)
    if not reports:
        return

    async def work() -> None:
        await credit.lock_learner(resident.member_id)
        if await has_learned(resident.member_id):
            return
        lesson_ids = list({city.lesson_id(report.course, report.lesson) for report in reports})
        study = await open_study(resident.member_id, resident.joined_at, lesson_ids, city.now)
        # Six weeks of the server's clock would have paid for all of it and left the budget full.
        seconds = sum(report.span[1] - report.span[0] for report in reports)
        study.budget = Budget(BUDGET_LIMIT_MS + seconds * MILLISECONDS_PER_SECOND, city.now)
        for number, report in enumerate(reports):
            study.accept(_event(city, resident, number, report))
        await credit_study(ports, study)
        await add_missing(_ratings(city, resident, study))

    await transaction(work)


def _event(city: City, resident: Resident, number: int, report: SeedReport) -> EventRow:
    event = ReportedEvent(
        event_id=city.id("event", f"{resident.person.key} {number}"),
        lesson_id=city.lesson_id(report.course, report.lesson),
        kind=ProgressKind.READ if report.course.lessons[report.lesson].clip is None else ProgressKind.WATCHED,
        occurred_at=report.at,
        spans=(report.span,),
    )
    return EventRow(
        event_id=event.event_id,
        lesson_id=city.lesson_id(report.course, report.lesson),
        kind=event.kind,
        occurred_at=event.occurred_at,
        received_at=event.occurred_at,
        spans=event.spans,
        digest=digest(event),
        placement=resident.placement,
    )


def _ratings(city: City, resident: Resident, study: Study) -> list[CourseRating]:
    done = {row.course_id: row.completed_at for row in study.enrolments.values() if row.completed_at is not None}
    completed = [course for course in city.courses if city.id("course", course.code) in done]
    return [
        CourseRating(
            id=city.id("rating", f"{resident.person.key} {rating.course.code}"),
            course_id=city.id("course", rating.course.code),
            member_id=resident.member_id,
            stars=rating.stars,
            comment=rating.comment,
            rated_at=done[city.id("course", rating.course.code)] + READING_A_RATING,
        )
        for rating in story.ratings(city.seed, resident.person, completed)
    ]


async def _show_boards(ports: Ports, city: City) -> None:
    """Build the boards from all of it at once, and forget the thousand announcements that would do so one by one."""
    keys = [city.id("course", course.code) for course in city.courses]
    keys += [resident.member_id for resident in city.residents()]
    await outbox.forget([str(key) for key in keys])
    try:
        await rebuild(ports)
    except BoardsAway:
        _log.warning("the boards are away; the worker builds them later")
