"""How PostgreSQL reads what it is asked: the statements that a piece of the academy sends, and what their plans walk.

`BIG` and `SMALL` are all tables; `tests/contract/test_plans.py` keeps them so.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from kit import db

BIG = (
    "active_years", "assignment_totals", "assignments", "audit_entries", "board_awards", "board_versions",
    "calendar_feeds", "class_attendances", "class_seats", "consent_records", "corrections", "course_completions",
    "course_days", "course_enrolments", "course_ratings", "data_exports", "day_marks", "denied_tokens",
    "draw_purchases", "draw_winners", "earned_badges", "facts", "frozen_totals", "idempotency_keys", "league_members",
    "leagues", "learned_days", "learning_budgets", "learning_events", "learning_seconds", "ledger_entries",
    "lesson_completions", "lesson_progress", "live_airings", "live_attendances", "live_check_in_answers",
    "live_check_ins", "live_lessons", "live_messages", "live_mutes", "live_poll_options", "live_polls",
    "live_products", "live_replay_watches", "live_room_events", "live_rooms", "live_runs", "live_seats",
    "live_settlements", "live_steps", "live_tickets", "live_upvotes", "live_votes", "media_assets", "members",
    "metric_days", "notices", "offline_classes", "outlets", "placements", "point_accounts", "posts", "prizes",
    "push_devices", "redemption_steps", "redemptions", "refresh_tokens", "refused_awards", "region_days", "reminders",
    "report_exports", "role_grants", "sessions", "sign_in_codes", "sign_in_failures", "story_entries",
    "story_pictures", "story_scores", "story_votes", "streak_marks", "stream_feeds", "stream_keys",
    "stream_recordings", "suspicions", "task_claims", "uploads",
)  # fmt: skip
"""What grows with people, shops, or what they do, be it by a few rows for each live lesson."""

SMALL = {
    "assigned_courses": "courses that somebody was ever assigned",
    "audit_head": "one row",
    "badges": "what an admin made",
    "board_definitions": "what kinds of board there are",
    "board_periods": "a day, a week, a month ... of the calendar: five hundred a year",
    "course_drafts": "courses that are worked on",
    "course_editions": "the catalogue",
    "course_lecturers": "the catalogue",
    "course_makers": "the catalogue",
    "course_moves": "the catalogue",
    "courses": "the catalogue",
    "draw_prizes": "a few lines for each draw",
    "edition_lessons": "the catalogue",
    "league_weeks": "a week of the calendar",
    "lessons": "the catalogue",
    "live_replay_tries": "replays that are fetched just now",
    "live_series": "what staff planned by hand, each for many weeks",
    "live_word_lists": "the lists that processes loaded",
    "made_boards": "what an admin made",
    "modules": "the catalogue",
    "outbox": "what the relay has not taken yet",
    "path_stages": "what an admin arranged for seven tiers",
    "paths": "seven tiers",
    "point_rates": "what an admin set",
    "prize_draws": "what an admin made",
    "region_marks": "regions that are to be averaged",
    "regions": "a city's counties and stations",
    "rewards": "what an admin made",
    "seasons": "a few a year",
    "signing_keys": "a key a month at most",
    "story_campaigns": "a few a year",
    "story_jurors": "a few for each campaign",
    "story_prizes": "a few lines for each campaign",
    "suspicion_looks": "a day of the calendar",
    "tasks": "what an admin made",
    "tier_completions": "courses times tiers",
    "tortoise_migrations": "the migrations",
}
"""What does not, and why."""

QUEUES = {
    "assignments_region": "what is asked of regions and tiers, not of persons and shops: as many as staff assigned",
    "live_lessons_host_in_one_place": "live lessons that are still to come: as many as staff planned",
    "live_attendances_to_reward": "who is to be paid for a lesson that was settled just now",
}
"""Indexes of a part of a table that may be read from end to end, since that part stays small."""

SCANS = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan")
PASSING = ("Limit", "Nested Loop", "Append", "Merge Append", "Subquery Scan", "LockRows")
"""Nodes that stop when nobody wants more; sorting, grouping and hashing need all their rows, whatever stands above."""

OWNERS = """
SELECT c.relname AS name, coalesce(p.relname, t.relname, c.relname) AS owner
FROM pg_class c
LEFT JOIN pg_index x ON x.indexrelid = c.oid
LEFT JOIN pg_class t ON t.oid = x.indrelid
LEFT JOIN pg_inherits h ON h.inhrelid = coalesce(t.oid, c.oid)
LEFT JOIN pg_class p ON p.oid = h.inhparent
WHERE c.relnamespace = 'public'::regnamespace
"""

MOST = 10_000
"""As many rows as an index may be expected to find at once."""

Statements = dict[str, tuple[Any, ...]]
"""Statement -> its arguments, the last ones."""


@asynccontextmanager
async def recording() -> AsyncIterator[Statements]:
    """What is sent through the pool while the block runs, by whichever of its connections."""
    seen: Statements = {}
    watched: set[Any] = set()
    acquire = db.PatientPool._acquire

    def look(record: Any) -> None:
        many = isinstance(record.args, list)  # `executemany`
        seen[record.query] = tuple(record.args[0] if many else record.args)

    async def acquire_watched(self: db.PatientPool, timeout: float | None) -> db.Connection:  # noqa: ASYNC109
        connection = await acquire(self, timeout)
        bare = connection._con  # type: ignore[attr-defined]
        if bare not in watched:
            watched.add(bare)
            bare.add_query_logger(look)
        return connection

    db.PatientPool._acquire = acquire_watched  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        db.PatientPool._acquire = acquire  # type: ignore[method-assign]
        for bare in watched:
            if not bare.is_closed():
                bare.remove_query_logger(look)


def planned(seen: Mapping[str, tuple[Any, ...]]) -> Statements:
    """Those of ours that PostgreSQL plans; asyncpg has a question of its own about types."""
    verbs = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
    return {
        text: args
        for text, args in seen.items()
        if text.lstrip().upper().startswith(verbs) and ";" not in text and "typeinfo_tree" not in text
    }


def plan_of(answer: Any) -> dict[str, Any]:
    """The topmost node of what EXPLAIN (FORMAT JSON) answered."""
    plan: dict[str, Any] = json.loads(answer)[0]["Plan"]
    return plan


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The node and all below it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def rows_read(plan: Mapping[str, Any]) -> int:
    """How many rows the scans of an executed plan looked at, those that a filter then left out among them."""
    looked_at = 0.0
    for node in nodes(plan):
        if node["Node Type"] in (*SCANS, "Bitmap Heap Scan") and node["Node Type"] != "Bitmap Index Scan":
            left_out = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            looked_at += (node["Actual Rows"] + left_out) * node["Actual Loops"]
    return round(looked_at)


def walked_whole(plan: dict[str, Any], owners: Mapping[str, str], *, limited: bool = False) -> Iterator[str]:
    """The big tables that a plan reads from end to end, or far too much of by an index.

    In the order of an index up to a limit is not to the end.

    `owners`: the table of each index and partition.
    """
    limited = limited or plan["Node Type"] == "Limit"
    read = plan.get("Index Name") or plan.get("Relation Name", "")
    if plan["Node Type"] in SCANS and owners.get(read) in BIG and read not in QUEUES:
        by_index = "Index Cond" in plan or plan.get("Subplan Name", "").startswith("InitPlan")
        if plan["Node Type"] == "Seq Scan" or not (by_index or limited):
            yield f"{plan['Node Type']} on {read}"
        elif plan["Plan Rows"] > MOST and not limited:
            yield f"{plan['Plan Rows']} rows by {read}"
    for child in plan.get("Plans", ()):
        yield from walked_whole(child, owners, limited=limited and plan["Node Type"] in PASSING)
