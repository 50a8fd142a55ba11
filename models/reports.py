"""Files that staff have made of what is in their regions, and the questions that fill them.

Every question reads row by row, in the order given, from one snapshot; $1 the subtrees as paths ("" is everything), $2
and $3 the Shanghai days [from, to), null for open, $4 an object of the kind's own, null for all, $5 now.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from kit.db import Side, rows
from kit.paging import Ask, Page, page_of
from kit.words import ExportStatus, Language, ReportFormat, ReportKind
from models.accounts import Member
from models.assignment_counts import REACHED
from models.outlets import Region


class ReportExport(Model):
    """One file. `tops`: the subtrees it is about, settled when it was asked for. See `exported_files` for its life.

    `region_id` is what was asked for, null: all that the roles opened. `object_key`: of the kind's own object.
    """

    id = fields.UUIDField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "report_exports", on_delete=fields.RESTRICT
    )
    member_id: UUID
    kind = fields.CharEnumField(ReportKind, max_length=20)
    format = fields.CharEnumField(ReportFormat, max_length=5)
    language = fields.CharEnumField(Language, max_length=5)
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "report_exports", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    tops: list[str] = ArrayField(element_type="text")
    object_key = fields.CharField(200, null=True)
    starts_on = fields.DateField(null=True)
    ends_on = fields.DateField(null=True)
    status = fields.CharEnumField(ExportStatus, max_length=10)
    rows_expected = fields.IntField(default=0)
    rows_made = fields.IntField(default=0)
    storage_key = fields.CharField(80, unique=True)
    requested_at = fields.DatetimeField()
    tries = fields.SmallIntField(default=0)
    due_at = fields.DatetimeField()
    ready_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField(null=True)
    size_bytes = fields.BigIntField(null=True)
    sha256 = fields.CharField(64, null=True)
    removed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "report_exports"


_GIVEN = """given AS (
        SELECT $1::text[] AS tops, $2::date AS starts_on, $3::date AS ends_on, $4::uuid AS object_id,
               $5::timestamptz AS now)"""


def _here(path: str) -> str:
    return f"EXISTS (SELECT FROM unnest(g.tops) AS top WHERE starts_with(coalesce({path}, ''), top))"


def _between(moment: str) -> str:
    day = f"({moment} AT TIME ZONE 'Asia/Shanghai')::date"
    return f"(g.starts_on IS NULL OR {day} >= g.starts_on) AND (g.ends_on IS NULL OR {day} < g.ends_on)"


_HOME = """LEFT JOIN posts p ON p.member_id = m.id AND p.is_current AND p.until_at IS NULL
        LEFT JOIN outlets o ON o.id = p.outlet_id LEFT JOIN regions home ON home.id = o.region_id"""
"""Where the member `m` learns now."""

QUESTIONS: dict[ReportKind, str] = {
    # a line for each post held now
    ReportKind.MEMBERS: f"""
        WITH {_GIVEN}
        SELECT m.display_name, m.masked_phone, o.code, o.name, r.name, o.tier, p.role, p.from_at, m.joined_at,
               m.last_seen_at, coalesce(a.lifetime, 0), coalesce(a.balance, 0), m.suspended_at
        FROM given g CROSS JOIN posts p JOIN outlets o ON o.id = p.outlet_id JOIN regions r ON r.id = o.region_id
        JOIN members m ON m.id = p.member_id LEFT JOIN point_accounts a ON a.member_id = m.id
        WHERE p.until_at IS NULL AND m.deleted_at IS NULL AND {_here("r.path")} AND {_between("m.joined_at")}
        ORDER BY r.path, o.code, p.role DESC, p.id""",  # noqa: S608 - fixed parts
    ReportKind.POINTS: f"""
        WITH {_GIVEN}
        SELECT e.occurred_at, m.display_name, o.code, o.name, r.name, e.tier, e.rule, e.amount,
               e.reverses_id IS NOT NULL, e.booked_at
        FROM given g JOIN ledger_entries e ON e.day >= g.starts_on AND e.day < g.ends_on
        JOIN members m ON m.id = e.member_id LEFT JOIN outlets o ON o.id = e.outlet_id
        LEFT JOIN regions r ON r.id = e.region_id
        WHERE e.account = 'LIFETIME' AND {_here("r.path")} ORDER BY e.id""",  # noqa: S608 - fixed parts
    ReportKind.REDEMPTIONS: f"""
        WITH {_GIVEN}
        SELECT d.created_at, d.code, w.title, d.cost, d.status, m.display_name, r.name,
               (SELECT max(s.at) FROM redemption_steps s WHERE s.redemption_id = d.id)
        FROM given g CROSS JOIN redemptions d JOIN rewards w ON w.id = d.reward_id JOIN members m ON m.id = d.member_id
        LEFT JOIN regions r ON r.id = d.region_id
        WHERE {_here("r.path")} AND {_between("d.created_at")} ORDER BY d.created_at, d.id""",  # noqa: S608 - fixed parts
    # everybody at a class of the subtrees, and their own people at the classes of others
    ReportKind.CLASS_ATTENDANCE: f"""
        WITH {_GIVEN}
        SELECT c.starts_at, c.title, c.place, r.name, t.display_name, m.display_name, o.code, o.name, home.name,
               a.outcome, a.checked_in_at, b.display_name, a.stars
        FROM given g CROSS JOIN class_attendances a JOIN offline_classes c ON c.id = a.offline_class_id
        LEFT JOIN regions r ON r.id = c.region_id JOIN members t ON t.id = c.trainer_id
        JOIN members m ON m.id = a.member_id LEFT JOIN members b ON b.id = a.by {_HOME}
        WHERE (g.object_id IS NULL OR c.id = g.object_id) AND ({_here("r.path")} OR {_here("home.path")})
          AND {_between("c.starts_at")} ORDER BY c.starts_at, c.id, a.recorded_at, a.id""",  # noqa: S608 - fixed parts
    # the same of live lessons that are settled
    ReportKind.LIVE_ATTENDANCE: f"""
        WITH {_GIVEN}
        SELECT l.starts_at, l.title, r.name, h.display_name, m.display_name, o.code, o.name, home.name, a.outcome,
               a.attended_seconds, a.percent, a.check_ins_answered, a.first_joined_at, a.last_left_at
        FROM given g CROSS JOIN live_attendances a JOIN live_lessons l ON l.id = a.lesson_id
        LEFT JOIN regions r ON r.id = l.region_id JOIN members h ON h.id = l.host_id
        JOIN members m ON m.id = a.member_id {_HOME}
        WHERE a.outcome IS NOT NULL AND (g.object_id IS NULL OR l.id = g.object_id)
          AND ({_here("r.path")} OR {_here("home.path")}) AND {_between("l.starts_at")}
        ORDER BY l.starts_at, l.id, a.recorded_at, a.member_id""",  # noqa: S608 - fixed parts
}

# Of one course, $1 here; people once each, as `assignment_counts` counts them.
_ASSIGNED = f"""
    WITH {REACHED}
    SELECT c.title, o.code, o.name, r.name, m.display_name, s.due_at,
           CASE WHEN s.completed_at IS NOT NULL THEN 'DONE' WHEN s.due_at <= $5 THEN 'OVERDUE' ELSE 'RUNNING' END,
           s.started_at, s.completed_at
    FROM standing s JOIN outlets o ON o.id = s.outlet_id JOIN regions r ON r.id = s.region_id
    JOIN members m ON m.id = s.member_id JOIN courses c ON c.id = $1
    WHERE EXISTS (SELECT FROM unnest($2::text[]) AS top WHERE starts_with(s.path, top))
      AND ($3::date IS NULL OR (s.due_at AT TIME ZONE 'Asia/Shanghai')::date >= $3)
      AND ($4::date IS NULL OR (s.due_at AT TIME ZONE 'Asia/Shanghai')::date < $4)
    ORDER BY r.path, o.code, s.member_id"""  # noqa: S608 - the text above

Filters = tuple[Sequence[str], date | None, date | None, UUID | None, datetime]


def _values(filters: Filters) -> tuple[object, ...]:
    tops, *others = filters
    return list(tops), *others


async def read_report(side: Side, kind: ReportKind, filters: Filters) -> AsyncIterator[tuple[Any, ...]]:
    """The rows of a kind in `QUESTIONS`."""
    async for row in side.stream(QUESTIONS[kind], *_values(filters)):
        yield row


async def count_report(side: Side, kind: ReportKind, filters: Filters) -> int:
    """How many `read_report` gives in the same snapshot."""
    [row] = await side.rows(f"SELECT count(*)::int AS lines FROM ({QUESTIONS[kind]}) AS t", *_values(filters))  # noqa: S608
    return int(row["lines"])


async def read_assigned(side: Side, filters: Filters) -> AsyncIterator[tuple[Any, ...]]:
    """Everybody of whom a course is asked, course by course by title; $4 one course."""
    tops, starts_on, ends_on, course_id, now = filters
    for course in await _assigned_courses(side, course_id):
        async for row in side.stream(_ASSIGNED, course, list(tops), starts_on, ends_on, now):
            yield row


async def count_assigned(side: Side, filters: Filters) -> int:
    tops, starts_on, ends_on, course_id, now = filters
    lines = 0
    for course in await _assigned_courses(side, course_id):
        counted = f"SELECT count(*)::int AS lines FROM ({_ASSIGNED}) AS t"  # noqa: S608 - the text above
        [row] = await side.rows(counted, course, list(tops), starts_on, ends_on, now)
        lines += row["lines"]
    return lines


async def _assigned_courses(side: Side, course_id: UUID | None) -> list[UUID]:
    found = await side.rows(
        "SELECT c.id FROM courses c WHERE ($1::uuid IS NULL OR c.id = $1)"
        " AND EXISTS (SELECT FROM assignments a WHERE a.course_id = c.id) ORDER BY c.title, c.id",
        course_id,
    )
    return [row["id"] for row in found]


async def reports_by_ids(ids: Sequence[UUID]) -> list[ReportExport | None]:
    """The files of these ids, in the order of `ids`."""
    found = {report.id: report for report in await ReportExport.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def reports_page(member_id: UUID, ask: Ask) -> Page[ReportExport]:
    """The files a member asked for, the newest first. Key: requested_at, id."""
    order = "ASC" if ask.backwards else "DESC"
    values: list[Any] = [member_id, ask.limit + 1]
    beyond = ""
    for key, than in ((ask.after, "<"), (ask.before, ">")):
        if key is not None:
            values += key
            beyond += f" AND (requested_at, id) {than} (${len(values) - 1}::timestamptz, ${len(values)}::uuid)"
    found = await rows(
        f"SELECT id FROM report_exports WHERE member_id = $1{beyond}"  # noqa: S608 - fixed parts
        f" ORDER BY requested_at {order}, id {order} LIMIT $2",
        *values,
    )
    reports = await reports_by_ids([row["id"] for row in found])
    return page_of([report for report in reports if report is not None], ask)


async def count_reports(member_id: UUID) -> int:
    return await ReportExport.filter(member_id=member_id).count()


async def count_open_reports(member_id: UUID) -> int:
    """How many files of the member are still to be made."""
    return await ReportExport.filter(
        member_id=member_id, status__in=[ExportStatus.QUEUED, ExportStatus.RUNNING]
    ).count()


async def count_reports_since(member_id: UUID, since: datetime) -> int:
    """How many files the member asked for since then, those that failed left out."""
    asked = ReportExport.filter(member_id=member_id, requested_at__gte=since)
    return await asked.exclude(status=ExportStatus.FAILED).count()


async def note_progress(report_id: UUID, *, made: int, expected: int) -> None:
    """How many rows are made, of how many."""
    await ReportExport.filter(id=report_id).update(rows_made=made, rows_expected=expected)
