"""Exports of everything kept on one member, and the questions that fill them.

A table that knows a member belongs into `SECTIONS`, or with a reason into `EXCUSED`; a test reads the catalogue.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import Side
from kit.words import ExportStatus
from models.accounts import Member


class DataExport(Model):
    """One export. Its file stands under `storage_key` from READY on until `removed_at`; see `exported_files`."""

    id = fields.UUIDField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "exports", on_delete=fields.RESTRICT
    )
    member_id: UUID
    idempotency_key = fields.UUIDField(null=True)
    status = fields.CharEnumField(ExportStatus, max_length=10)
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
        table = "data_exports"


@dataclass(frozen=True, slots=True)
class Section:
    """One file of an export: a question that answers rows, and the columns that it accounts for.

    `sql`: $1 is the member, $2 their phone index, which is "" for somebody without a phone.
    """

    name: str
    covers: tuple[str, ...]
    sql: str


# What opens something (hashes of passwords, codes and tokens) is in none of them.
SECTIONS = (
    Section(
        "roles",
        ("role_grants.member_id",),
        """SELECT g.role, r.code AS region_code, r.name AS region, g.granted_at, g.revoked_at
           FROM role_grants g LEFT JOIN regions r ON r.id = g.region_id WHERE g.member_id = $1 ORDER BY g.granted_at""",
    ),
    Section(
        "outlets",
        ("posts.member_id",),
        """SELECT o.code, o.name, p.role, p.from_at, p.until_at, p.is_current
           FROM posts p JOIN outlets o ON o.id = p.outlet_id WHERE p.member_id = $1 ORDER BY p.from_at, p.id""",
    ),
    Section(
        "places",
        ("placements.member_id",),
        """SELECT l.from_at, o.code AS outlet_code, r.code AS region_code, l.tier FROM placements l
           LEFT JOIN outlets o ON o.id = l.outlet_id LEFT JOIN regions r ON r.id = l.region_id
           WHERE l.member_id = $1 ORDER BY l.from_at""",
    ),
    Section(
        "sessions",
        ("sessions.member_id",),
        """SELECT device_id, device_name, created_at, last_seen_at, expires_at, ended_at, end_reason
           FROM sessions WHERE member_id = $1 ORDER BY created_at, id""",
    ),
    Section(
        "sign-in-codes",
        (),
        """SELECT purpose, created_at, sent_at, used_at, tries, device_id FROM sign_in_codes
           WHERE phone_index = $2 ORDER BY created_at, id""",
    ),
    Section(
        "wrong-sign-ins",
        (),
        "SELECT failed_at, device_id FROM sign_in_failures WHERE phone_index = $2 ORDER BY failed_at, id",
    ),
    Section(
        "consents",
        ("consent_records.member_id",),
        "SELECT purpose, version, change, cause, at FROM consent_records WHERE member_id = $1 ORDER BY id",
    ),
    Section(
        "exports",
        ("data_exports.member_id",),
        """SELECT requested_at, status, ready_at, expires_at, size_bytes FROM data_exports
           WHERE member_id = $1 ORDER BY requested_at, id""",
    ),
    Section(
        "report-exports",
        ("report_exports.member_id",),
        """SELECT e.kind, e.format, r.code AS region_code, e.object_key, e.starts_on, e.ends_on, e.requested_at,
                  e.status, e.rows_made, e.ready_at, e.expires_at, e.size_bytes
           FROM report_exports e LEFT JOIN regions r ON r.id = e.region_id WHERE e.member_id = $1
           ORDER BY e.requested_at, e.id""",
    ),
    Section(
        "suspicions",
        ("suspicions.member_id",),
        """SELECT kind, day, evidence, detected_at, state, judged_at FROM suspicions
           WHERE member_id = $1 ORDER BY detected_at, id""",
    ),
    Section(
        "uploads",
        ("uploads.member_id",),
        """SELECT id, file_name, content_type, size_bytes, sha256, created_at, completed_at, swept_at FROM uploads
           WHERE member_id = $1 ORDER BY created_at, id""",
    ),
    Section(
        "courses",
        ("course_enrolments.member_id",),
        """SELECT c.code, c.title, e.started_at, e.last_activity_at, e.lessons_completed, e.lesson_count, e.percent,
                  e.completed_at
           FROM course_enrolments e JOIN courses c ON c.id = e.course_id WHERE e.member_id = $1
           ORDER BY e.started_at, e.id""",
    ),
    Section(
        "courses-made",
        ("course_makers.member_id", "courses.proposed_by"),
        """SELECT c.code, c.title, m.part, coalesce(m.joined_at, c.created_at) AS joined_at, m.left_at,
                  c.proposed_by = $1 AS proposed
           FROM courses c LEFT JOIN course_makers m ON m.course_id = c.id AND m.member_id = $1
           WHERE m.member_id = $1 OR c.proposed_by = $1 ORDER BY 4, c.id""",
    ),
    Section(
        "lessons",
        ("lesson_progress.member_id", "lesson_completions.member_id"),
        """SELECT c.code AS course_code, el.title, p.lesson_id, p.reported, p.paid, p.watched_seconds,
                  p.furthest_seconds, p.resume_at_seconds, p.started_at, p.last_activity_at, p.passed_at,
                  p.completed_at, d.booked_at AS completion_booked_at, d.outlet_id, d.region_id, d.tier
           FROM lesson_progress p JOIN courses c ON c.id = p.course_id
           LEFT JOIN edition_lessons el ON el.edition_id = c.edition_id AND el.lesson_id = p.lesson_id
           LEFT JOIN lesson_completions d ON d.member_id = p.member_id AND d.lesson_id = p.lesson_id
           WHERE p.member_id = $1 ORDER BY p.id""",
    ),
    Section(
        "learning-events",
        ("learning_events.member_id",),
        """SELECT event_id, lesson_id, kind, occurred_at, received_at, spans, credited_seconds, pending_seconds,
                  outlet_id, region_id, tier
           FROM learning_events WHERE member_id = $1 ORDER BY occurred_at, event_id""",
    ),
    Section(
        "learning-seconds",
        ("learning_seconds.member_id",),
        """SELECT event_id, lesson_id, seconds, occurred_at, booked_at, outlet_id, region_id, tier
           FROM learning_seconds WHERE member_id = $1 ORDER BY occurred_at, id""",
    ),
    Section(
        "learning-budget",
        ("learning_budgets.member_id",),
        "SELECT available_ms, updated_at, due_at FROM learning_budgets WHERE member_id = $1",
    ),
    Section(
        "course-completions",
        ("course_completions.member_id",),
        """SELECT c.code, k.amount, k.occurred_at, k.booked_at, k.outlet_id, k.region_id, k.tier
           FROM course_completions k JOIN courses c ON c.id = k.course_id WHERE k.member_id = $1
           ORDER BY k.occurred_at, k.id""",
    ),
    Section(
        "ratings",
        ("course_ratings.member_id",),
        """SELECT c.code, c.title, r.stars, r.comment, r.rated_at FROM course_ratings r
           JOIN courses c ON c.id = r.course_id WHERE r.member_id = $1 ORDER BY r.rated_at, r.id""",
    ),
    Section(
        "assignments",
        ("assignments.member_id",),
        """SELECT c.code, c.title, a.due_at, a.reason, a.assigned_at, a.withdrawn_at FROM assignments a
           JOIN courses c ON c.id = a.course_id WHERE a.member_id = $1 ORDER BY a.assigned_at, a.id""",
    ),
    Section(
        "courses-taught",
        ("course_lecturers.member_id",),
        """SELECT c.code, c.title FROM course_lecturers l JOIN courses c ON c.id = l.course_id
           WHERE l.member_id = $1 ORDER BY c.code""",
    ),
    Section(
        "redemptions",
        ("redemptions.member_id",),
        """SELECT w.title, d.status, d.code, d.cost, d.created_at
           FROM redemptions d JOIN rewards w ON w.id = d.reward_id WHERE d.member_id = $1
           ORDER BY d.created_at, d.id""",
    ),
    Section(
        "prize-draws",
        ("draw_purchases.member_id", "draw_winners.member_id"),
        """SELECT w.title, p.entrant, p.first_ticket, p.tickets, p.bought_at, n.ticket_number AS winning_ticket
           FROM draw_purchases p JOIN prize_draws w ON w.id = p.draw_id
           LEFT JOIN draw_winners n ON n.draw_id = p.draw_id AND n.member_id = p.member_id
           WHERE p.member_id = $1 ORDER BY p.bought_at, p.id""",
    ),
    Section(
        "badges",
        ("earned_badges.member_id",),
        """SELECT b.code, b.title_chinese, b.title_english, e.value, e.earned_at
           FROM earned_badges e JOIN badges b ON b.id = e.badge_id WHERE e.member_id = $1 ORDER BY e.earned_at, e.id""",
    ),
    Section(
        "notices",
        ("notices.member_id",),
        """SELECT kind, key, details, object_type, object_id, created_at, read_at, pushed_at FROM notices
           WHERE member_id = $1 ORDER BY created_at, id""",
    ),
    Section(
        "push-devices",
        ("push_devices.member_id",),
        "SELECT device_id, provider, language, registered_at FROM push_devices WHERE member_id = $1 ORDER BY device_id",
    ),
    Section(
        "task-claims",
        ("task_claims.member_id",),
        """SELECT t.code, t.title_zh, t.title_en, c.turn, c.completed_at, c.claimed_at
           FROM task_claims c JOIN tasks t ON t.id = c.task_id WHERE c.member_id = $1 ORDER BY c.claimed_at, c.id""",
    ),
    Section(
        "stories",
        ("story_entries.member_id",),
        """SELECT c.title AS campaign, e.title, e.text, e.status, e.submitted_at, e.published_at, e.note, e.votes,
                  e.position, e.score, ARRAY(SELECT p.media_id FROM story_pictures p
                  WHERE p.entry_id = e.id ORDER BY p.place) AS pictures
           FROM story_entries e JOIN story_campaigns c ON c.id = e.campaign_id WHERE e.member_id = $1
           ORDER BY e.submitted_at, e.id""",
    ),
    Section(
        "story-votes",
        ("story_votes.member_id",),
        """SELECT c.title AS campaign, v.entry_id, v.day, v.voted_at FROM story_votes v
           JOIN story_campaigns c ON c.id = v.campaign_id WHERE v.member_id = $1 ORDER BY v.voted_at, v.entry_id""",
    ),
    Section(
        "story-juries",
        ("story_jurors.member_id",),
        """SELECT c.title AS campaign, c.closes_at, c.judging_ends_at FROM story_jurors j
           JOIN story_campaigns c ON c.id = j.campaign_id WHERE j.member_id = $1 ORDER BY c.closes_at, c.id""",
    ),
    Section(
        "story-scores",
        ("story_scores.member_id",),
        """SELECT c.title AS campaign, s.entry_id, s.score, s.scored_at FROM story_scores s
           JOIN story_entries e ON e.id = s.entry_id JOIN story_campaigns c ON c.id = e.campaign_id
           WHERE s.member_id = $1 ORDER BY s.scored_at, s.entry_id""",
    ),
    Section(
        "calendar-feed",
        ("calendar_feeds.member_id",),
        "SELECT made_at FROM calendar_feeds WHERE member_id = $1",
    ),
    Section(
        "live-seats",
        ("live_seats.member_id",),
        """SELECT l.title, l.starts_at, l.ends_at, l.status, s.state, s.reserved_at, s.seated_at, s.cancelled_at
           FROM live_seats s JOIN live_lessons l ON l.id = s.lesson_id WHERE s.member_id = $1
           ORDER BY s.reserved_at, s.id""",
    ),
    Section(
        "live-hosting",
        ("live_lessons.host_id", "live_series.host_id"),
        """SELECT l.title, l.description, l.starts_at, l.ends_at, l.status, l.started_at, l.ended_at,
                  s.recurrence AS series
           FROM live_lessons l LEFT JOIN live_series s ON s.id = l.series_id WHERE l.host_id = $1
           ORDER BY l.starts_at, l.id""",
    ),
    Section(
        "live-messages",
        ("live_messages.member_id",),
        """SELECT l.title AS lesson, m.kind, m.text, m.posted_at, m.offset_seconds, m.upvotes, m.removed_at
           FROM live_messages m JOIN live_lessons l ON l.id = m.lesson_id WHERE m.member_id = $1
           ORDER BY m.posted_at, m.id""",
    ),
    Section(
        "live-upvotes",
        ("live_upvotes.member_id",),
        """SELECT l.title AS lesson, u.message_id, u.voted_at FROM live_upvotes u
           JOIN live_messages m ON m.id = u.message_id JOIN live_lessons l ON l.id = m.lesson_id
           WHERE u.member_id = $1 ORDER BY u.voted_at, u.message_id""",
    ),
    Section(
        "live-polls",
        ("live_votes.member_id",),
        """SELECT l.title AS lesson, p.question, ARRAY(SELECT o.text FROM live_poll_options o
                  WHERE o.id = ANY(v.option_ids) ORDER BY o.place) AS chosen, v.voted_at
           FROM live_votes v JOIN live_polls p ON p.id = v.poll_id JOIN live_lessons l ON l.id = p.lesson_id
           WHERE v.member_id = $1 ORDER BY v.voted_at, v.poll_id""",
    ),
    Section(
        "live-check-ins",
        ("live_check_in_answers.member_id",),
        """SELECT l.title AS lesson, c.asked_at, c.answer_by, a.answered_at FROM live_check_in_answers a
           JOIN live_check_ins c ON c.id = a.check_in_id JOIN live_lessons l ON l.id = c.lesson_id
           WHERE a.member_id = $1 ORDER BY a.answered_at, a.check_in_id""",
    ),
    Section(
        "live-mutes",
        ("live_mutes.member_id",),
        """SELECT l.title AS lesson, u.muted_at, u.until_at FROM live_mutes u
           JOIN live_lessons l ON l.id = u.lesson_id WHERE u.member_id = $1 ORDER BY u.muted_at, l.id""",
    ),
    Section(
        "live-attendance",
        ("live_attendances.member_id",),
        """SELECT l.title, a.outcome, a.attended_seconds, a.percent, a.first_joined_at, a.last_left_at,
                  a.check_ins_answered, a.credited, a.replayed_at, a.excused_at, a.excuse
           FROM live_attendances a JOIN live_lessons l ON l.id = a.lesson_id WHERE a.member_id = $1
           ORDER BY a.recorded_at, a.lesson_id""",
    ),
    Section(
        "live-tickets",
        ("live_tickets.member_id",),
        """SELECT l.title, t.device_id, t.joined_at, t.seen_at FROM live_tickets t
           JOIN live_lessons l ON l.id = t.lesson_id WHERE t.member_id = $1 ORDER BY t.joined_at, t.id""",
    ),
    Section(
        "live-replays",
        ("live_replay_watches.member_id",),
        """SELECT l.title, w.first_at, w.last_at, w.replay_seconds, w.required_seconds, w.watched_seconds, w.watched_at
           FROM live_replay_watches w JOIN live_lessons l ON l.id = w.lesson_id WHERE w.member_id = $1
           ORDER BY w.first_at, w.lesson_id""",
    ),
    Section(
        "class-seats",
        ("class_seats.member_id",),
        """SELECT c.title, c.starts_at, s.state, s.signed_up_at, s.seated_at, s.cancelled_at FROM class_seats s
           JOIN offline_classes c ON c.id = s.offline_class_id WHERE s.member_id = $1 ORDER BY s.signed_up_at, s.id""",
    ),
    Section(
        "class-attendance",
        ("class_attendances.member_id",),
        """SELECT c.title, c.starts_at, a.outcome, a.checked_in_at, a.by IS NOT NULL AS by_somebody_else, a.reason,
                  a.stars, a.comment, a.rated_at
           FROM class_attendances a JOIN offline_classes c ON c.id = a.offline_class_id WHERE a.member_id = $1
           ORDER BY a.recorded_at, a.id""",
    ),
    Section(
        "classes-trained",
        ("offline_classes.trainer_id",),
        """SELECT title, place, address, starts_at, ends_at, cancelled_at FROM offline_classes
           WHERE trainer_id = $1 ORDER BY starts_at, id""",
    ),
    Section(
        "leagues",
        ("league_members.member_id",),
        """SELECT m.starts_on, l.division, l.tier, r.name AS city, m.joined_at, m.entered_division, m.held_division,
                  m.position, m.points, m.zone
           FROM league_members m JOIN leagues l ON l.id = m.league_id JOIN regions r ON r.id = l.city_id
           WHERE m.member_id = $1 ORDER BY m.starts_on""",
    ),
    Section(
        "idempotency-keys",
        ("idempotency_keys.member_id",),
        "SELECT key, operation, object_id, used_at FROM idempotency_keys WHERE member_id = $1 ORDER BY used_at",
    ),
    Section(
        "point-account",
        ("point_accounts.member_id",),
        "SELECT lifetime, balance, top_level FROM point_accounts WHERE member_id = $1",
    ),
    Section(
        "point-entries",
        ("ledger_entries.member_id",),
        """SELECT id, booking_id, account, counter_account, amount, balance_after, account_version, rule,
                  tariff_version, object_type, object_id, period_key, part, occurred_at, day, booked_at, outlet_id,
                  region_id, tier, reverses_id
           FROM ledger_entries WHERE member_id = $1 ORDER BY account, account_version""",
    ),
    Section(
        "prizes",
        ("prizes.member_id",),
        """SELECT kind, source_type, source_id, place, points, decided_at, paid_at FROM prizes
           WHERE member_id = $1 ORDER BY decided_at, id""",
    ),
    Section(
        "point-corrections",
        ("corrections.member_id",),
        """SELECT id, amount, written_off, reason, reverses_id, made_at FROM corrections
           WHERE member_id = $1 ORDER BY made_at, id""",
    ),
    Section(
        "point-facts",
        ("facts.member_id",),
        """SELECT kind, object_id, occurred_at, details, recorded_at FROM facts
           WHERE member_id = $1 ORDER BY occurred_at, id""",
    ),
    Section(
        "refused-awards",
        ("refused_awards.member_id",),
        """SELECT rule, object_type, object_id, period_key, points_missing, reason, occurred_at
           FROM refused_awards WHERE member_id = $1 ORDER BY occurred_at, id""",
    ),
    Section(
        "learned-days",
        ("learned_days.member_id",),
        """SELECT day, amount, occurred_at, booked_at, outlet_id, region_id, tier FROM learned_days
           WHERE member_id = $1 ORDER BY day, id""",
    ),
    Section(
        "active-days",
        ("active_years.member_id",),
        """SELECT r.code AS region_code, y.year, y.days::text AS days FROM active_years y
           JOIN regions r ON r.id = y.region_id WHERE y.member_id = $1 ORDER BY y.year, r.code""",
    ),
    Section(
        "streak-marks",
        ("streak_marks.member_id",),
        """SELECT day, days, in_row, cards, best_days FROM streak_marks WHERE member_id = $1 ORDER BY day""",
    ),
    Section(
        "board-totals",
        ("metric_days.member_id",),
        """SELECT metric, day, outlet_id, region_id, tier, amount, reached_at FROM metric_days
           WHERE member_id = $1 ORDER BY metric, day""",
    ),
    Section(
        "closed-board-totals",
        ("frozen_totals.member_id",),
        """SELECT p.period, p.starts_on, p.ends_on, f.metric, f.day, f.outlet_id, f.region_id, f.tier, f.amount,
                  f.reached_at
           FROM frozen_totals f JOIN board_periods p ON p.id = f.period_id
           WHERE f.member_id = $1 ORDER BY p.starts_on, p.period, f.metric, f.day""",
    ),
    # Whoever else took part stays unnamed: the file is about its owner.
    Section(
        "audit",
        ("audit_entries.actor_id", "audit_entries.object_id"),
        """SELECT at, action, object_type, object_id, details,
                  CASE WHEN actor_id = $1 THEN 'yourself' WHEN actor_id IS NULL THEN 'the server'
                       ELSE 'somebody else' END AS by,
                  CASE WHEN actor_id = $1 THEN address END AS address
           FROM audit_entries WHERE actor_id = $1 OR object_id = $1 OR details ->> 'member' = $1::text
           ORDER BY sequence""",
    ),
)

EXCUSED = {
    "live_attendances.excused_by": "who excused others; the deed itself is in the audit",
    "class_attendances.by": "who checked others in; the deed itself is in the audit",
    "assignments.assigned_by": "who asked others to learn something; the deed itself is in the audit",
    "assignments.withdrawn_by": "who took that back; the deed itself is in the audit",
    "course_drafts.opened_by": "who began the next edition of a course; the deed itself is in the audit",
    "course_moves.by": "who moved a course; the deed itself is in the audit",
    "board_versions.subject_id": "counts projections, tells nothing of the member",
    "live_steps.by": "who moved a lesson on; the deed itself is in the audit",
    "stream_keys.issued_by": "who was given a key to stream with; the deed itself is in the audit",
    "point_rates.made_by": "who set what a rule pays; the deed itself is in the audit",
    "corrections.made_by": "who corrected the points of others; the deed itself is in the audit",
    "suspicions.judged_by": "who judged others' learning; the deed itself is in the audit",
    "role_grants.granted_by": "who gave a role to others; the deed itself is in the audit",
    "live_messages.removed_by": "who took out what others said; the deed itself is in the audit",
    "story_entries.reviewed_by": "who looked at others' stories; the deed itself is in the audit",
    "redemption_steps.by": "who saw others' redemptions through; the deed itself is in the audit",
}
"""Column -> why an export leaves it out."""


async def read_section(side: Side, section: Section, member_id: UUID, phone_index: str) -> AsyncIterator[str]:
    """The rows of a section one by one, each a JSON object."""
    # Both parameters are named in every question, so that PostgreSQL knows their types.
    sql = f"SELECT to_json(t)::text FROM ({section.sql}) t WHERE $1::uuid IS NOT NULL AND $2::text IS NOT NULL"  # noqa: S608
    async for row in side.stream(sql, member_id, phone_index):
        yield row[0]


async def exports_by_ids(ids: Sequence[UUID]) -> list[DataExport | None]:
    """The exports of these ids, in the order of `ids`."""
    found = {export.id: export for export in await DataExport.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def open_export(member_id: UUID) -> DataExport | None:
    """The export of the member that is still to be made."""
    return await DataExport.get_or_none(member_id=member_id, status__in=[ExportStatus.QUEUED, ExportStatus.RUNNING])


async def export_by_key(member_id: UUID, idempotency_key: UUID) -> DataExport | None:
    return await DataExport.get_or_none(member_id=member_id, idempotency_key=idempotency_key)


async def count_exports(member_id: UUID, since: datetime) -> int:
    """How many the member asked for since then, those that failed left out."""
    found = DataExport.filter(member_id=member_id, requested_at__gte=since)
    return await found.exclude(status=ExportStatus.FAILED).count()
