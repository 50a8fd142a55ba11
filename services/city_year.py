"""A year of a whole city as rows of the tables: what its phones reported, and what the rules make of it.

The ordinary road takes reports one by one, each in a transaction that reads what came before. Here one member's year is
in memory as a whole, told in order and by phones that behave: spans follow each other, and what is reported is paid at
once. So progress is counted along the way, while everything that is worth points goes through the rules themselves
(`claims_of`, `settle`). A test sends the same reports down the ordinary road and compares every row.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from itertools import accumulate
from uuid import UUID

import orjson

from gamification.badges import COUNTED
from gamification.caps import settle
from gamification.credit import Budget, Goal, course_percent, goal_of, opening_budget, refilled, spent
from gamification.facts import CourseCompleted, CourseRated, LessonCompleted, Recorded, StagePassed
from gamification.levels import LEVELS, level_for
from gamification.paths import Stage, StageCourse, standings
from gamification.reports import ReportedEvent, digest, resume_at
from gamification.rules import claims_of
from gamification.streaks import first_learning, full_weeks, marks_of, streaks_reached, walk
from gamification.tariff import Tariff
from gamification.titles import Title
from kit.clock import day_of
from kit.ids import derived_id
from kit.words import (
    BadgeMeasure,
    BoardMetric,
    CourseKind,
    Language,
    NoticeKind,
    OutletTier,
    PointAccount,
    PostRole,
    ProgressKind,
)
from models.badges import Badge
from models.paths import PathStage
from models.points import REFUSED_KEPT
from seeds.year import Shelves, Sitting, sittings
from services.city import BigCity
from services.demo_city import Resident
from services.notices import READ_KEPT

PLACE = ("outlet_id", "region_id", "tier")
TABLES: Mapping[str, tuple[str, ...]] = {
    "learning_events": (
        "member_id", "event_id", "lesson_id", "kind", "occurred_at", "received_at", "spans", "digest",
        "credited_seconds", "pending_seconds", *PLACE,
    ),
    "learning_seconds": ("member_id", "lesson_id", "event_id", "seconds", "occurred_at", "booked_at", *PLACE),
    "lesson_progress": (
        "member_id", "lesson_id", "course_id", "creditable_seconds", "required_seconds", "reported", "paid",
        "watched_seconds", "furthest_seconds", "resume_at_seconds", "resume_event_at", "resume_event_id", "started_at",
        "last_activity_at", "passed_at", "completed_at",
    ),
    "lesson_completions": ("member_id", "lesson_id", "course_id", "completed_at", "booked_at", *PLACE),
    "course_enrolments": (
        "id", "member_id", "course_id", "edition_id", "started_at", "last_activity_at", "lessons_completed",
        "lesson_count", "percent", "completed_at", "region_id",
    ),
    "course_completions": ("member_id", "course_id", "amount", "occurred_at", "booked_at", *PLACE),
    "course_ratings": ("id", "course_id", "member_id", "stars", "comment", "rated_at"),
    "learning_budgets": ("member_id", "available_ms", "updated_at"),
    "facts": ("member_id", "kind", "object_id", "occurred_at", "day", "details", "recorded_at"),
    "ledger_entries": (
        "booking_id", "member_id", "account", "counter_account", "amount", "balance_after", "account_version", "rule",
        "tariff_version", "object_type", "object_id", "period_key", "part", "occurred_at", "day", "booked_at", *PLACE,
    ),
    "point_accounts": (
        "member_id", "lifetime", "lifetime_version", "balance", "balance_version", "top_level", "streaks_due",
    ),
    "refused_awards": (
        "member_id", "rule", "object_type", "object_id", "period_key", "points_missing", "reason", "occurred_at", "day",
    ),
    "learned_days": ("member_id", "day", "amount", "occurred_at", "booked_at", *PLACE),
    "streak_marks": ("member_id", "day", "days", "in_row", "cards", "best_days"),
    "metric_days": ("member_id", "metric", "day", *PLACE, "amount", "reached_at"),
    "earned_badges": ("member_id", "badge_id", "value", "earned_at"),
    "notices": (
        "id", "member_id", "kind", "key", "details", "object_type", "object_id", "created_at", "read_at",
    ),
}  # fmt: skip
"""What a year fills, table by table, each with the columns it gives."""

Row = tuple[object, ...]

KINDS = {kind: kind.value for kind in ProgressKind}
ACCOUNTS = tuple(account.value for account in PointAccount)
POINTS, SECONDS, COURSES, DAYS = (
    metric.value
    for metric in (
        BoardMetric.POINTS, BoardMetric.LEARNING_SECONDS, BoardMetric.COURSES_COMPLETED, BoardMetric.STREAK_DAYS,
    )
)  # fmt: skip
COMPLETION_PERCENT = 90
"""As the column of `courses` has it from the start."""

READING_A_RATING = timedelta(minutes=1)
UNREAD_FOR = timedelta(days=7)
"""Older notices have been read."""


@dataclass(frozen=True, slots=True)
class Told:
    """One member's year as it was told: sittings, and how many events they hold."""

    resident: Resident
    sittings: list[Sitting]

    @property
    def events(self) -> int:
        return sum(len(sitting.steps) for sitting in self.sittings)


@dataclass(slots=True)
class _Lesson:
    """One member in one lesson, so far. What is reported is the stretch from 0 to `watched`."""

    started_at: datetime
    last_at: datetime
    watched: int = 0
    resume: int = 0
    resume_at: datetime | None = None
    resume_id: UUID | None = None
    completed_at: datetime | None = None


@dataclass(slots=True)
class _Booking:
    """What one report, or one rating, brought at `at`: its facts, and how much more of each measure."""

    at: datetime
    day: date
    """The Shanghai day on which all of it occurred, whenever it was booked."""
    seconds: int = 0
    facts: list[Recorded] = field(default_factory=list)
    points: int = 0
    days: list[date] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Lessons:
    """A course of the catalogue as the books know it."""

    course_id: UUID
    edition_id: UUID
    required: bool
    adults_only: bool
    lesson_ids: tuple[UUID, ...]
    goals: tuple[Goal, ...]


class Year:
    """Tells the members of a city one by one, into `rows`; whoever copies rows away leaves the lists empty."""

    def __init__(
        self,
        city: BigCity,
        tariff: Tariff,
        badges: Sequence[Badge],
        stages: Mapping[OutletTier, Sequence[PathStage]],
    ) -> None:
        self.rows: dict[str, list[Row]] = {table: [] for table in TABLES}
        self._city = city
        self._tariff = tariff
        self._badges = badges
        self._stages = stages
        self._shelves = Shelves.of(city.seed, city.courses, [city.published[course.code] for course in city.courses])
        self._courses = [
            _Lessons(
                course_id=city.id("course", course.code),
                edition_id=city.id("edition", course.code),
                required=course.kind is CourseKind.REQUIRED,
                adults_only=course.adults_only,
                lesson_ids=tuple(city.lesson_id(course, place) for place in range(len(course.lessons))),
                goals=tuple(_goal(each.seconds, article=each.clip is None) for each in course.lessons),
            )
            for course in city.courses
        ]
        self._by_id = {course.course_id: course for course in self._courses}
        self._assigned = city.assigned()

    def told(self, resident: Resident, days: Sequence[date], events: int) -> Told:
        """The story of one member, before the rules have looked at it."""
        person = resident.person
        adult = person.role is PostRole.OWNER
        return Told(
            resident,
            list(
                sittings(self._city.seed, person.key, self._shelves, resident.placement.tier, days, events, adult=adult)
            ),
        )

    def reports(self, sitting: Sitting) -> list[ReportedEvent]:
        """What the phone sends of a sitting."""
        return [
            ReportedEvent(
                step.event_id,
                self._courses[step.course].lesson_ids[step.lesson],
                step.kind,
                step.at,
                ((step.start, step.end),) if step.end else (),
            )
            for step in sitting.steps
        ]

    def taken(self) -> dict[str, list[Row]]:
        """The rows written so far, which are the caller's from now on."""
        rows, self.rows = self.rows, {table: [] for table in TABLES}
        return rows

    def course_id(self, number: int) -> UUID:
        return self._courses[number].course_id

    def write(self, told: Told) -> None:
        """Everything that follows from one member's year."""
        if told.sittings:
            _Member(self, told).write()


class _Member:
    """The books of one member while their year is written."""

    def __init__(self, year: Year, told: Told) -> None:
        self.year = year
        self.rows = year.rows
        self.told = told
        self.member_id = told.resident.member_id
        place = told.resident.placement
        self.place: Row = (place.outlet_id, place.region_id, place.tier.value)
        self.lessons: dict[tuple[int, int], _Lesson] = {}
        self.done: defaultdict[int, int] = defaultdict(int)
        self.completed: dict[UUID, datetime] = {}
        self.bookings: list[_Booking] = []
        self.counted: dict[tuple[str, date], list[object]] = {}

    def write(self) -> None:
        for sitting in self.told.sittings:
            self._sit(sitting)
        self._progress()
        self._budget()
        facts = self._facts()
        self._points(facts)
        self._badges()
        for (metric, day), (amount, reached_at) in self.counted.items():
            self.rows["metric_days"].append((self.member_id, metric, day, *self.place, amount, reached_at))

    # What was watched

    def _sit(self, sitting: Sitting) -> None:
        booking = _Booking(sitting.sent_at, day_of(sitting.steps[0].at))
        self.bookings.append(booking)
        events, seconds = self.rows["learning_events"], self.rows["learning_seconds"]
        last_gain: datetime | None = None
        for step, event in zip(sitting.steps, self.year.reports(sitting), strict=True):
            gained = self._watch(step.course, step.lesson, event, step.start, step.end, booking)
            spans = [step.start, step.end] if step.end else []
            events.append(
                (self.member_id, event.event_id, event.lesson_id, KINDS[step.kind], step.at, booking.at,
                 spans, digest(event), gained, 0, *self.place)
            )  # fmt: skip
            if gained:
                seconds.append(
                    (self.member_id, event.lesson_id, event.event_id, gained, step.at, booking.at,
                     *self.place)
                )  # fmt: skip
                booking.seconds += gained
                last_gain = step.at
        if last_gain is not None:
            self._count(SECONDS, booking.day, booking.seconds, last_gain)
        for number, (course, stars) in enumerate(sitting.rates, start=1):
            self._rate(course, stars, sitting.sent_at + number * READING_A_RATING)

    def _watch(self, course: int, place: int, event: ReportedEvent, start: int, end: int, booking: _Booking) -> int:
        """The seconds that the event is credited with. What it completes becomes a fact."""
        at = event.occurred_at
        lesson = self.lessons.get((course, place))
        if lesson is None:
            lesson = self.lessons[course, place] = _Lesson(at, at)
        lesson.last_at = at
        known = self.year._courses[course]
        goal = known.goals[place]
        resume = resume_at(event.kind, event.spans, goal)
        if resume is not None:
            lesson.resume, lesson.resume_at, lesson.resume_id = resume, at, event.event_id
        if end <= lesson.watched:
            return 0
        assert start <= lesson.watched, event
        gained = end - lesson.watched
        lesson.watched = end
        if lesson.completed_at is None and end >= goal.required_seconds:
            lesson.completed_at = at
            self._complete(known, course, place, at, booking)
        return gained

    def _complete(self, known: _Lessons, course: int, place: int, at: datetime, booking: _Booking) -> None:
        lesson_id = known.lesson_ids[place]
        self.rows["lesson_completions"].append(
            (self.member_id, lesson_id, known.course_id, at, booking.at, *self.place)
        )
        booking.facts.append(LessonCompleted(self.member_id, lesson_id, known.course_id, known.required, at))
        self.done[course] += 1
        if self.done[course] == len(known.lesson_ids):
            self.completed[known.course_id] = at
            self.rows["course_completions"].append((self.member_id, known.course_id, 1, at, booking.at, *self.place))
            booking.facts.append(
                CourseCompleted(self.member_id, known.course_id, known.required, at, self._due(known.course_id, at))
            )
            self._count(COURSES, booking.day, 1, at)

    def _due(self, course_id: UUID, completed_at: datetime) -> datetime | None:
        """By when it had been asked of them, the earliest of several; see `models.assignments.due_dates`."""
        place = self.told.resident.placement
        return min(
            (
                each.due_at
                for each in self.year._assigned
                if each.course_id == course_id
                and each.assigned_at <= completed_at
                and self.year._city.meant(each, place)
            ),
            default=None,
        )

    def _rate(self, course: int, stars: int, at: datetime) -> None:
        course_id = self.year.course_id(course)
        if course_id not in self.completed:
            return
        rating_id = derived_id("rating", self.member_id, course_id)
        self.rows["course_ratings"].append((rating_id, course_id, self.member_id, stars, "", at))
        self.bookings.append(_Booking(at, day_of(at), facts=[CourseRated(self.member_id, course_id, at)]))

    def _progress(self) -> None:
        """How far they are: lesson by lesson, course by course."""
        by_course: defaultdict[int, dict[int, _Lesson]] = defaultdict(dict)
        for (course, place), lesson in self.lessons.items():
            by_course[course][place] = lesson
            known = self.year._courses[course]
            goal = known.goals[place]
            reported = [0, lesson.watched] if lesson.watched else []
            self.rows["lesson_progress"].append(
                (self.member_id, known.lesson_ids[place], known.course_id, goal.creditable_seconds,
                 goal.required_seconds, reported, reported, lesson.watched, lesson.watched, lesson.resume,
                 lesson.resume_at, lesson.resume_id, lesson.started_at, lesson.last_at, lesson.completed_at,
                 lesson.completed_at)
            )  # fmt: skip
        for course, begun in by_course.items():
            known = self.year._courses[course]
            parts = [
                (goal, begun[place].watched, begun[place].completed_at is not None)
                if place in begun
                else (goal, 0, False)
                for place, goal in enumerate(known.goals)
            ]
            self.rows["course_enrolments"].append(
                (
                    derived_id("enrolment", self.member_id, known.course_id),
                    self.member_id,
                    known.course_id,
                    known.edition_id,
                    min(each.started_at for each in begun.values()),
                    max(each.last_at for each in begun.values()),
                    self.done[course],
                    len(known.lesson_ids),
                    course_percent(parts),
                    self.completed.get(known.course_id),
                    self.place[1],
                )
            )

    def _budget(self) -> None:
        """What the learning budget says after the last report that was paid from it."""
        kept: Budget | None = None
        for booking in self.bookings:
            if booking.seconds:
                budget = refilled(kept or opening_budget(self.told.resident.joined_at), booking.at)
                kept = spent(budget, booking.seconds)
        if kept is not None:
            self.rows["learning_budgets"].append((self.member_id, kept.available_ms, kept.at))

    # What it is worth

    def _facts(self) -> list[Recorded]:
        """Everything that happened, stages included, in the order of the bookings; written down."""
        by_moment = {fact.occurred_at: booking for booking in self.bookings for fact in booking.facts}
        for stage in self._stages_passed():
            by_moment[stage.occurred_at].facts.append(stage)
        found: list[Recorded] = []
        for booking in self.bookings:
            for fact in booking.facts:
                found.append(fact)
                self.rows["facts"].append(
                    (self.member_id, fact.KIND, fact.object_id, fact.occurred_at, booking.day,
                     orjson.dumps(fact.details).decode(), booking.at)
                )  # fmt: skip
        return found

    def _stages_passed(self) -> Iterator[StagePassed]:
        adult = self.told.resident.person.role is PostRole.OWNER
        stages = [
            Stage(
                stage_id=stage.id,
                position=stage.position,
                title=stage.title,
                points=stage.points,
                since=max(stage.since, self.told.resident.joined_at),
                courses=tuple(
                    StageCourse(
                        course_id,
                        adult or not self.year._by_id[course_id].adults_only,
                        self.completed.get(course_id),
                        0,
                        0,
                    )
                    for course_id in stage.course_ids
                ),
                passed_at=None,
            )
            for stage in self.year._stages[self.told.resident.placement.tier]
        ]
        for standing in standings(stages):
            if standing.passed_at is not None:
                yield StagePassed(self.member_id, standing.stage.stage_id, standing.stage.points, standing.passed_at)

    def _points(self, facts: Sequence[Recorded]) -> None:
        """The awards by the rules, in one booking for each report; the learned days, streaks and what was refused."""
        first = first_learning(facts)
        by_moment = {fact.occurred_at: place for place, booking in enumerate(self.bookings) for fact in booking.facts}
        for day, at in first.items():
            booking = self.bookings[by_moment[at]]
            booking.days.append(day)
            self.rows["learned_days"].append((self.member_id, day, 1, at, booking.at, *self.place))
            self._count(DAYS, day, 1, at)
        self.runs = list(walk(sorted(first)))
        for run in marks_of(self.runs):
            self.rows["streak_marks"].append((self.member_id, *asdict(run).values()))

        claims = claims_of([*facts, *full_weeks(self.member_id, first), *streaks_reached(self.member_id, first)])
        settlement = settle(claims, [], self.year._tariff)
        total = version = 0
        booking_ids: dict[int, UUID] = {}
        for due in settlement.dues:
            claim = due.claim
            place = by_moment[claim.occurred_at]
            booking = self.bookings[place]
            booking_id = booking_ids.get(place)
            if booking_id is None:
                booking_id = booking_ids[place] = derived_id("booking", self.member_id, place)
            total, version = total + due.points, version + 1
            booking.points += due.points
            self._count(POINTS, booking.day, due.points, claim.occurred_at)
            for account in ACCOUNTS:
                self.rows["ledger_entries"].append(
                    (booking_id, self.member_id, account, f"rule:{claim.rule}", due.points, total, version,
                     claim.rule, due.tariff_version, claim.object_type, claim.object_id, claim.period_key, due.part,
                     claim.occurred_at, booking.day, booking.at, *self.place)
                )  # fmt: skip
        if facts or any(booking.seconds for booking in self.bookings):
            self.rows["point_accounts"].append(
                (self.member_id, total, version, total, version, level_for(total).number, False)
            )
        for refused in settlement.refused:
            claim = refused.claim
            if claim.occurred_at > self.year._city.now - REFUSED_KEPT:
                self.rows["refused_awards"].append(
                    (self.member_id, claim.rule, claim.object_type, claim.object_id, claim.period_key,
                     refused.points_missing, refused.reason.value, claim.occurred_at, claim.day)
                )  # fmt: skip

    # What it brings beyond points

    def _badges(self) -> None:
        """Badges and levels, each with the booking that reached it, and the notices that tell of them."""
        lifetime = 0
        for booking in self.bookings:
            before, lifetime = lifetime, lifetime + booking.points
            for level in LEVELS[level_for(before).number : level_for(lifetime).number]:
                number = level.number
                self._tell(NoticeKind.LEVEL_REACHED, str(number), {"level": number, "name": number}, None, booking.at)
        earned: list[tuple[int, Row]] = []
        grown = {
            measure: self._growth(measure) for measure in {BadgeMeasure(each.measure) for each in self.year._badges}
        }
        for badge in self.year._badges:
            values = grown[BadgeMeasure(badge.measure)]
            if not values or values[-1] < badge.threshold:
                continue
            place = next(at for at, value in enumerate(values) if value >= badge.threshold)
            at = self.bookings[place].at
            earned.append((place, (self.member_id, badge.id, values[place], at)))
            title = Title(badge.title_chinese, badge.title_english)
            spoken = {language.value: title.text(language) for language in Language}
            self._tell(NoticeKind.BADGE_EARNED, str(badge.id), {"badge": spoken}, ("Badge", badge.id), at)
        self.rows["earned_badges"] += [row for _, row in sorted(earned, key=lambda each: each[0])]

    def _growth(self, measure: BadgeMeasure) -> list[int]:
        """The measure after each booking; empty if nothing in this year moves it."""
        if measure is BadgeMeasure.LEARNING_SECONDS:
            return list(accumulate(booking.seconds for booking in self.bookings))
        if measure is BadgeMeasure.LIFETIME_POINTS:
            return list(accumulate(booking.points for booking in self.bookings))
        if measure is BadgeMeasure.LEARNED_DAYS:
            return list(accumulate(len(booking.days) for booking in self.bookings))
        if measure is BadgeMeasure.BEST_STREAK_DAYS:
            best = {run.day: run.best_days for run in self.runs}
            return list(
                accumulate((max((best[day] for day in booking.days), default=0) for booking in self.bookings), max)
            )
        kind = COUNTED[measure]
        return list(accumulate(sum(kind == fact.KIND for fact in booking.facts) for booking in self.bookings))

    def _tell(
        self, kind: NoticeKind, key: str, details: dict[str, object], about: tuple[str, UUID] | None, at: datetime
    ) -> None:
        age = self.year._city.now - at
        if age >= READ_KEPT:
            return
        notice_id = derived_id("notice", self.member_id, kind.value, key)
        read_at = at + timedelta(hours=1) if age > UNREAD_FOR else None
        self.rows["notices"].append(
            (notice_id, self.member_id, kind.value, key, orjson.dumps(details).decode(), *(about or (None, None)), at,
             read_at)
        )  # fmt: skip

    def _count(self, metric: str, day: date, amount: int, at: datetime) -> None:
        """For the boards; moments come in order."""
        kept = self.counted.get((metric, day))
        if kept is None:
            self.counted[metric, day] = [amount, at]
        else:
            kept[0], kept[1] = kept[0] + amount, at  # type: ignore[operator]


def _goal(seconds: int, *, article: bool) -> Goal:
    """As the catalogue's rows say: an article is read as long as it takes, of a film the usual part is enough."""
    return goal_of(
        duration_seconds=seconds, dwell_seconds=seconds if article else None, completion_percent=COMPLETION_PERCENT
    )
