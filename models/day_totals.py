"""What the regions did, day by day: what the overview adds up, so that no question at request time reads raw events.

Made by migration; keys of several columns. All of it can be recounted from the rows behind at any time, and is: a
transaction that changes those rows announces the (region, Shanghai day) it touched, the relay marks them, and a tick
counts marked ones anew, as a whole. A late report, a correction or a moved completion is thereby counted as if it had
come in time. The region is the one held then; a station that gets another parent takes its days along.

region_days   (region, day) -> learners active, lessons and courses completed, seconds credited, lifetime points, and
              courses completed that somebody had asked for.
course_days   (region, day, course) -> begun (a view) and completed.
active_years  (region, year, member) -> one bit for each day of the year on which the member was active there. Who was
              active in a stretch of time cannot be added up from days; it is an AND over at most three bit strings.
day_marks     (region, day) that must be counted anew.

A learner is active on a day on which seconds are credited or that is a learned day; in one region, where they learned
last on that day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from kit.db import execute, require_transaction, rows

DAYS_OF_A_YEAR = 366

# $1 regions, $2 days of them; every statement that counts anew begins with these.
_MARKED = """
    marked AS MATERIALIZED (
        SELECT region_id, day, day::timestamp AT TIME ZONE 'Asia/Shanghai' AS begins,
               (day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS ends
        FROM unnest($1::uuid[], $2::date[]) AS m (region_id, day))"""
_ACTIVE = """
    active AS MATERIALIZED (
        SELECT DISTINCT d.region_id, d.day, d.member_id FROM marked JOIN metric_days d USING (region_id, day)
        WHERE d.metric IN ('LEARNING_SECONDS', 'STREAK_DAYS') AND d.amount > 0 AND NOT EXISTS (
            SELECT FROM metric_days other
            WHERE other.member_id = d.member_id AND other.metric IN ('LEARNING_SECONDS', 'STREAK_DAYS')
              AND other.day = d.day AND other.amount > 0 AND other.region_id <> d.region_id
              AND (coalesce(other.reached_at, '-infinity'), other.region_id)
                  > (coalesce(d.reached_at, '-infinity'), d.region_id)))"""

_REGION_DAYS = f"""
    WITH {_MARKED}, {_ACTIVE},
    people AS (SELECT region_id, day, count(*) AS learners FROM active GROUP BY 1, 2),
    counted AS (
        SELECT d.region_id, d.day, sum(d.amount) FILTER (WHERE d.metric = 'COURSES_COMPLETED') AS courses,
               sum(d.amount) FILTER (WHERE d.metric = 'LEARNING_SECONDS') AS seconds,
               sum(d.amount) FILTER (WHERE d.metric = 'POINTS') AS points
        FROM marked JOIN metric_days d USING (region_id, day) GROUP BY 1, 2),
    lessons AS (
        SELECT m.region_id, m.day, count(*) AS lessons
        FROM marked m JOIN lesson_completions l
            ON l.region_id = m.region_id AND l.completed_at >= m.begins AND l.completed_at < m.ends
        GROUP BY 1, 2),
    asked AS (
        SELECT m.region_id, m.day, sum(c.amount) AS done
        FROM marked m
        JOIN course_completions c
            ON c.region_id = m.region_id AND c.occurred_at >= m.begins AND c.occurred_at < m.ends
        JOIN facts f ON f.member_id = c.member_id AND f.kind = 'course.completed' AND f.object_id = c.course_id
        WHERE f.details ->> 'due_at' IS NOT NULL
        GROUP BY 1, 2)
    INSERT INTO region_days AS kept (region_id, day, active_learners, lessons_completed, courses_completed,
                                     learning_seconds, points_earned, assignments_done)
    SELECT m.region_id, m.day, coalesce(learners, 0), coalesce(lessons, 0), coalesce(courses, 0), coalesce(seconds, 0),
           coalesce(points, 0), coalesce(done, 0)
    FROM marked m LEFT JOIN people USING (region_id, day) LEFT JOIN counted USING (region_id, day)
    LEFT JOIN lessons USING (region_id, day) LEFT JOIN asked USING (region_id, day)
    ORDER BY 1, 2
    ON CONFLICT (region_id, day) DO UPDATE
    SET active_learners = excluded.active_learners, lessons_completed = excluded.lessons_completed,
        courses_completed = excluded.courses_completed, learning_seconds = excluded.learning_seconds,
        points_earned = excluded.points_earned, assignments_done = excluded.assignments_done
    WHERE kept IS DISTINCT FROM excluded"""  # noqa: S608 - the texts above

# What fell to nothing stays as a line of noughts.
_COURSE_DAYS = f"""
    WITH {_MARKED},
    begun AS (
        SELECT m.region_id, m.day, e.course_id, count(*) AS views
        FROM marked m JOIN course_enrolments e
            ON e.region_id = m.region_id AND e.started_at >= m.begins AND e.started_at < m.ends
        GROUP BY 1, 2, 3),
    done AS (
        SELECT m.region_id, m.day, c.course_id, sum(c.amount) AS completions
        FROM marked m JOIN course_completions c
            ON c.region_id = m.region_id AND c.occurred_at >= m.begins AND c.occurred_at < m.ends
        GROUP BY 1, 2, 3),
    kept AS (SELECT region_id, day, course_id FROM marked JOIN course_days USING (region_id, day))
    INSERT INTO course_days AS d (region_id, day, course_id, views, completions)
    SELECT region_id, day, course_id, coalesce(views, 0), coalesce(completions, 0)
    FROM begun FULL JOIN done USING (region_id, day, course_id) FULL JOIN kept USING (region_id, day, course_id)
    ORDER BY 1, 2, 3
    ON CONFLICT (region_id, day, course_id) DO UPDATE SET views = excluded.views, completions = excluded.completions
    WHERE (d.views, d.completions) <> (excluded.views, excluded.completions)"""  # noqa: S608 - the texts above

_NONE = f"B'0'::bit({DAYS_OF_A_YEAR})"
_BIT = f"set_bit({_NONE}, extract(doy FROM day)::int - 1, 1)"
_YEAR = "extract(year FROM day)::int"
# Of the line as it is once it is locked: another may have counted other days of the same region and year meanwhile.
_UNTOUCHED = "(a.days & ~(SELECT mask FROM touched t WHERE (t.region_id, t.year) = (a.region_id, a.year)))"
_ACTIVE_YEARS = f"""
    WITH {_MARKED}, {_ACTIVE},
    touched AS (SELECT region_id, {_YEAR} AS year, bit_or({_BIT}) AS mask FROM marked GROUP BY 1, 2),
    found AS (SELECT region_id, {_YEAR} AS year, member_id, bit_or({_BIT}) AS days FROM active GROUP BY 1, 2, 3),
    gone AS (
        SELECT region_id, year, y.member_id, {_NONE} AS days
        FROM touched t JOIN active_years y USING (region_id, year) WHERE y.days & t.mask <> {_NONE})
    INSERT INTO active_years AS a (region_id, year, member_id, days)
    SELECT region_id, year, member_id, coalesce(found.days, gone.days)
    FROM found FULL JOIN gone USING (region_id, year, member_id)
    ORDER BY 1, 2, 3
    ON CONFLICT (region_id, year, member_id) DO UPDATE SET days = {_UNTOUCHED} | excluded.days
    WHERE a.days <> {_UNTOUCHED} | excluded.days
"""  # noqa: S608 - the texts above


async def mark_days(member_ids: Sequence[UUID], region_ids: Sequence[UUID], days: Sequence[date]) -> None:
    """These members did something, or it was taken back, in these regions on these days; all three go together.

    Wherever else they learned on such a day is marked too: a learner is active in one region a day.
    """
    await execute(
        """INSERT INTO day_marks AS m (region_id, day, marks)
           SELECT region_id, day, 1 FROM (
               SELECT region_id, day FROM unnest($2::uuid[], $3::date[]) AS told (region_id, day)
               UNION
               SELECT d.region_id, d.day FROM unnest($1::uuid[], $3::date[]) AS told (member_id, day)
               JOIN metric_days d ON d.member_id = told.member_id AND d.day = told.day
                   AND d.metric IN ('LEARNING_SECONDS', 'STREAK_DAYS')) AS touched
           ORDER BY 1, 2
           ON CONFLICT (region_id, day) DO UPDATE SET marks = m.marks + 1""",
        list(member_ids),
        list(region_ids),
        list(days),
    )


async def mark_every_day() -> int:
    """Mark each region and day that has anything to count, how many; for rows that came in bulk, past the outbox.

    `count_marked_days` then fills the tables.
    """
    return await execute(
        """INSERT INTO day_marks AS m (region_id, day, marks)
           SELECT region_id, day, 1 FROM (
               SELECT region_id, day FROM metric_days
               UNION SELECT region_id, (completed_at AT TIME ZONE 'Asia/Shanghai')::date FROM lesson_completions
               UNION SELECT region_id, (started_at AT TIME ZONE 'Asia/Shanghai')::date FROM course_enrolments
               UNION SELECT region_id, day FROM region_days) AS everything
           WHERE region_id IS NOT NULL ORDER BY 1, 2
           ON CONFLICT (region_id, day) DO UPDATE SET marks = m.marks + 1"""
    )


async def count_marked_days(limit: int) -> int:
    """Count up to `limit` marked days anew, a region's together; how many there were.

    Marks are held until the transaction ends, so of two who count the same the second finds nothing, and what changes
    meanwhile marks anew. Marks that another holds are passed over.
    """
    require_transaction()
    marked = await rows(
        "SELECT region_id, day FROM day_marks ORDER BY region_id, day LIMIT $1 FOR UPDATE SKIP LOCKED", limit
    )
    asked = [row["region_id"] for row in marked], [row["day"] for row in marked]
    if marked:
        for statement in (_REGION_DAYS, _COURSE_DAYS, _ACTIVE_YEARS):
            await execute(statement, *asked)
        await execute(
            "DELETE FROM day_marks m USING unnest($1::uuid[], $2::date[]) AS done (region_id, day)"
            " WHERE m.region_id = done.region_id AND m.day = done.day",
            *asked,
        )
    return len(marked)


# Reading


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days [starts_on, ends_on) in the subtrees `tops` ("" is everything); `child_ids` divide them for comparison."""

    tops: tuple[str, ...]
    starts_on: date
    ends_on: date
    child_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Sums:
    """What day totals add up to. `active_learners` is right for one day alone."""

    active_learners: int = 0
    lessons_completed: int = 0
    courses_completed: int = 0
    learning_seconds: int = 0
    points_earned: int = 0
    assignments_done: int = 0


@dataclass(frozen=True, slots=True)
class Learners:
    """`active` at least once in the stretch; `known` are those and who holds a current post there today. `new`: had
    never learned before, anywhere. By child: (active, known)."""

    active: int
    new: int
    by_child: dict[UUID, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class CourseSums:
    course_id: UUID
    views: int
    completions: int


# $1 tops, $2 the children.
_SCOPE = """
    scope AS MATERIALIZED (
        SELECT r.id AS region_id, child.id AS child_id
        FROM regions r LEFT JOIN regions child ON child.id = ANY($2::uuid[]) AND starts_with(r.path, child.path)
        WHERE EXISTS (SELECT FROM unnest($1::text[]) AS top WHERE starts_with(r.path, top)))"""


async def day_sums(stretch: Stretch) -> tuple[dict[date, Sums], dict[UUID, Sums]]:
    """The sums of each day and of each child; what has nothing to show is left out."""
    found = await rows(
        f"""WITH {_SCOPE}
            SELECT d.day, s.child_id, sum(active_learners)::int AS active_learners,
                   sum(lessons_completed)::int AS lessons_completed, sum(courses_completed)::int AS courses_completed,
                   sum(learning_seconds)::bigint AS learning_seconds, sum(points_earned)::bigint AS points_earned,
                   sum(assignments_done)::int AS assignments_done
            FROM scope s JOIN region_days d USING (region_id) WHERE d.day >= $3 AND d.day < $4
            GROUP BY GROUPING SETS ((d.day), (s.child_id))""",  # noqa: S608 - the text above
        *_asked(stretch),
        stretch.starts_on,
        stretch.ends_on,
    )
    by_day = {row["day"]: _sums(row) for row in found if row["day"] is not None}
    by_child = {row["child_id"]: _sums(row) for row in found if row["child_id"] is not None}
    return by_day, by_child


async def learners_in(stretch: Stretch) -> Learners:
    """Who learned in the stretch, each counted once; of all, and of each child that has somebody."""
    masks = _masks(stretch.starts_on, stretch.ends_on)
    found = await rows(
        f"""WITH {_SCOPE},
            masks AS (SELECT year, mask::bit({DAYS_OF_A_YEAR}) AS mask FROM unnest($3::int[], $4::text[]) AS m (year, mask)),
            active AS MATERIALIZED (
                SELECT DISTINCT s.child_id, y.member_id
                FROM scope s JOIN active_years y USING (region_id) JOIN masks m USING (year)
                WHERE y.days & m.mask <> {_NONE}),
            firsts AS (
                SELECT first.region_id, first.year, first.place
                FROM (SELECT DISTINCT member_id FROM active) learned CROSS JOIN LATERAL (
                    SELECT y.region_id, y.year, position(B'1' IN y.days) AS place FROM active_years y
                    WHERE y.member_id = learned.member_id AND y.days <> {_NONE} ORDER BY 2, 3 LIMIT 1) first),
            present AS (
                SELECT s.child_id, p.member_id
                FROM scope s JOIN outlets o USING (region_id) JOIN posts p ON p.outlet_id = o.id AND p.is_current
                WHERE s.child_id IS NOT NULL)
            SELECT NULL::uuid AS child_id, count(DISTINCT member_id)::int AS active,
                   (SELECT count(*)::int FROM firsts WHERE region_id IN (SELECT region_id FROM scope)
                    AND (year, place) >= (extract(year FROM $5::date)::int, extract(doy FROM $5::date)::int)) AS known
            FROM active
            UNION ALL
            SELECT child_id, count(a.member_id)::int, count(*)::int
            FROM (SELECT * FROM active WHERE child_id IS NOT NULL) a FULL JOIN present USING (child_id, member_id)
            GROUP BY child_id""",  # noqa: S608, E501 - the texts above
        *_asked(stretch),
        list(masks),
        list(masks.values()),
        stretch.starts_on,
    )
    [whole] = [row for row in found if row["child_id"] is None]
    by_child = {row["child_id"]: (row["active"], row["known"]) for row in found if row["child_id"] is not None}
    return Learners(whole["active"], whole["known"], by_child)


async def top_courses(stretch: Stretch, limit: int) -> list[CourseSums]:
    """The courses begun most in the stretch, those completed most first among equals."""
    found = await rows(
        f"""WITH {_SCOPE}
            SELECT course_id, sum(views)::int AS views, sum(completions)::int AS completions
            FROM scope JOIN course_days d USING (region_id) WHERE d.day >= $3 AND d.day < $4
            GROUP BY course_id HAVING sum(views) > 0 OR sum(completions) > 0
            ORDER BY 2 DESC, 3 DESC, 1 LIMIT $5""",  # noqa: S608 - the text above
        *_asked(stretch),
        stretch.starts_on,
        stretch.ends_on,
        limit,
    )
    return [CourseSums(**row) for row in found]


def _asked(stretch: Stretch) -> tuple[object, ...]:
    return list(stretch.tops), list(stretch.child_ids)


def _sums(row: dict[str, Any]) -> Sums:
    return Sums(**{name: row[name] for name in Sums.__slots__})


def _masks(starts_on: date, ends_on: date) -> dict[int, str]:
    """Year -> which of its days lie in [starts_on, ends_on), as bits from the first of January on."""
    masks: dict[int, str] = {}
    last = ends_on - timedelta(days=1)
    for year in range(starts_on.year, last.year + 1):
        first_day = max(starts_on, date(year, 1, 1)).timetuple().tm_yday
        last_day = min(last, date(year, 12, 31)).timetuple().tm_yday
        masks[year] = ("0" * (first_day - 1) + "1" * (last_day - first_day + 1)).ljust(DAYS_OF_A_YEAR, "0")
    return masks


# What is asked of people, as of the last look


async def count_overdue(stretch: Stretch, now: datetime, begins: datetime, ends: datetime) -> dict[UUID | None, int]:
    """Courses asked of people in the scope that fell due in [begins, ends) and are not done, by child; None: all."""
    found = await rows(
        f"""WITH {_SCOPE}
            SELECT s.child_id, sum(t.assigned - t.done)::int AS overdue
            FROM scope s JOIN assignment_totals t USING (region_id)
            WHERE t.due_at >= $3 AND t.due_at < $4 AND t.due_at <= $5
            GROUP BY GROUPING SETS ((), (s.child_id)) HAVING GROUPING(s.child_id) = 1 OR s.child_id IS NOT NULL""",  # noqa: S608
        *_asked(stretch),
        begins,
        ends,
        now,
    )
    return {row["child_id"]: row["overdue"] or 0 for row in found}
