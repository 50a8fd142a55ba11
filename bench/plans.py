"""How PostgreSQL really reads a city: every list of the contract, statement by statement, with its own arguments.

    .venv/bin/python -m bench.plans --city-data DIRECTORY [--write]   # of a city that `seed --scale city` has filled

Each operation is sent as those who may: a learner with a year behind them, an account manager, an admin. What it sends
is run again under EXPLAIN (ANALYZE, BUFFERS) and rolled back. `--write` puts the table into `docs/plans.md`.
"""

import argparse
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from bench.ground import ground, measured_in
from bench.operations import evening
from kit import db
from kit.clock import day_of
from kit.ids import to_global
from models.courses import EditionLesson
from services.board_building import check_boards
from services.ports import Ports
from tests.contract.plans import OWNERS, SCANS, Statements, nodes, planned, recording, rows_read, walked_whole
from tests.gql import Gql

DOCUMENT = Path(__file__).parents[1] / "docs/plans.md"
ABOVE = "<!-- the rest is written by `python -m bench.plans --write` -->"
HEAD = ("operation", "statement", "read by", "rows read", "rows given", "pages", "ms")
LONGEST = 110


class Ask(NamedTuple):
    operation: str
    by: str
    """learner, manager or admin"""
    variables: Mapping[str, object] = {}


class Read(NamedTuple):
    """One statement as it was read. `pages`: those of 8 KiB that it looked into."""

    operation: str
    statement: str
    by: str
    rows_read: int
    rows_given: int
    pages: int
    ms: float


class Forgotten(Exception):
    """Rolls back what a statement wrote."""


async def reads(ports: Ports, _: int) -> list[Read]:
    """Every distinct statement, by the first operation that sent it, the most pages first."""
    await check_boards(ports)
    people = await _people()
    sent: dict[str, tuple[str, tuple[Any, ...]]] = {}
    async with Gql.over(ports) as gql:
        for member in people.values():
            await gql.token(member)
        for ask in await _asks(ports, people):
            for text, args in (await _statements(gql, ask, people[ask.by])).items():
                sent.setdefault(text, (f"{ask.operation}, {ask.by}{_asked(ask.variables)}", args))
    owners = {row["name"]: row["owner"] for row in await db.rows(OWNERS)}
    found = [await _read(operation, text, args, owners) for text, (operation, args) in sent.items()]
    return sorted(found, key=lambda read: (-read.pages, -read.ms))


async def _statements(gql: Gql, ask: Ask, by: UUID) -> Statements:
    async with recording() as seen:
        answer = await gql.run(ask.operation, ask.variables, by=by)
    refused = [error["extensions"]["code"] for error in answer.get("errors", ())]
    assert not refused or (refused == ["FORBIDDEN"] and ask.by == "manager"), (ask, answer["errors"])
    return planned(seen)


async def _people() -> dict[str, UUID]:
    """Who learned more than 99 of 100 in their own shop; a manager of the busiest station; an admin."""
    [learner] = await db.rows(
        "SELECT a.member_id FROM point_accounts a JOIN posts p ON p.member_id = a.member_id AND p.is_current"
        " ORDER BY a.lifetime DESC, a.member_id OFFSET (SELECT count(*) / 100 FROM point_accounts) LIMIT 1"
    )
    [manager] = await db.rows(
        "SELECT g.member_id FROM role_grants g JOIN outlets o ON o.region_id = g.region_id"
        " WHERE g.role = 'ACCOUNT_MANAGER' AND g.revoked_at IS NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    [admin] = await db.rows(
        "SELECT member_id FROM role_grants WHERE role = 'ADMIN' AND region_id IS NULL AND revoked_at IS NULL LIMIT 1"
    )
    return {"learner": learner["member_id"], "manager": manager["member_id"], "admin": admin["member_id"]}


async def _asks(ports: Ports, people: Mapping[str, UUID]) -> list[Ask]:
    now = ports.clock.now()
    today = day_of(now)
    [place] = await db.rows(
        "SELECT o.id, o.region_id, o.tier, r.parent_id FROM posts p JOIN outlets o ON o.id = p.outlet_id"
        " JOIN regions r ON r.id = o.region_id WHERE p.member_id = $1 AND p.is_current",
        people["learner"],
    )
    courses = await db.rows(
        "SELECT c.id, c.edition_id, a.course_id IS NOT NULL AS assigned FROM courses c"
        " LEFT JOIN assignments a ON a.course_id = c.id AND a.tier IS NULL WHERE c.status = 'PUBLISHED'"
        " ORDER BY a.course_id IS NULL, c.view_count DESC, c.id LIMIT 20"
    )
    lesson = await EditionLesson.filter(
        edition_id__in=[row["edition_id"] for row in courses], position=1, dwell_seconds=None
    ).first()
    assert lesson is not None
    course = to_global("Course", courses[0]["id"])
    module = to_global("Module", (await db.rows("SELECT id FROM modules ORDER BY position LIMIT 1"))[0]["id"])
    station, county = to_global("Region", place["region_id"]), to_global("Region", place["parent_id"])
    week = {"from": now.isoformat(), "to": (now + timedelta(days=7)).isoformat()}
    month = {"from": (today - timedelta(days=30)).isoformat(), "to": today.isoformat()}
    board = {"metric": "POINTS", "period": "WEEK"}
    past = {**board, "date": (today - timedelta(days=30)).isoformat()}
    mine = [
        "MySessions", "BoardScopes", "OfflineClasses", "Modules", "CourseList", "MyGame", "Rewards", "MyRedemptions",
        "PrizeDraws", "Home", "Notices", "MyExports", "MyLearning", "MyOutlets", "PointsHistory", "Levels",
        "PointRules", "MyConsents", "StoryCampaigns",
    ]  # fmt: skip
    asks = [Ask(operation, "learner") for operation in mine]
    asks += [
        Ask("CourseDetail", "learner", {"id": course}),
        Ask("MyLearning", "learner", {"state": "COMPLETED"}),
        Ask("PointsHistory", "learner", {"account": "LIFETIME"}),
        Ask("LiveSchedule", "learner", week),
        *(
            Ask("CourseList", "learner", {"filter": wanted, "sort": sort})
            for wanted, sort in (
                ({"text": "陈列"}, "NEWEST"), ({}, "POPULAR"), ({}, "BEST_RATED"), ({"moduleId": module}, "NEWEST"),
                ({"viewerState": "IN_PROGRESS"}, "NEWEST"), ({"viewerState": "NOT_STARTED"}, "NEWEST"),
            )
        ),
        Ask("HonourBoard", "learner", board),
        Ask("HonourBoard", "learner", {**board, "scope": {"regionId": station}}),
        Ask("HonourBoard", "learner", {**board, "scope": {"regionId": county, "tier": place["tier"]}}),
        Ask("HonourBoard", "learner", {**board, "of": "REGION", "scope": {"regionId": county}}),
        Ask("HonourBoard", "learner", past),
        Ask("HonourBoard", "learner", {**past, "scope": {"regionId": station}}),
        Ask("HonourBoard", "learner", {**board, "period": "ALL_TIME"}),
        Ask("ReportProgress", "learner", {"input": evening(ports, lesson)}),
    ]  # fmt: skip
    for by in ("manager", "admin"):
        asks += [
            Ask("Home", by), Ask("Regions", by), Ask("Outlets", by), Ask("Outlets", by, {"filter": {"text": "便利"}}),
            Ask("Outlets", by, {"filter": {"tier": place["tier"]}}), Ask("Members", by),
            Ask("Members", by, {"filter": {"text": "小满"}}), Ask("Members", by, {"filter": {"role": "LEARNER"}}),
            Ask("Notices", by), Ask("MyExports", by), Ask("OfflineClasses", by), Ask("LiveSchedule", by, week),
            Ask("AcademyOverview", by, month), Ask("AssignmentProgress", by, {"courseId": course}),
        ]  # fmt: skip
    asks += [
        Ask("Regions", "admin", {"under": county}),
        Ask("Outlets", "admin", {"filter": {"regionId": county}}),
        Ask("Members", "admin", {"filter": {"regionId": station}}),
        Ask("Members", "admin", {"filter": {"tier": place["tier"]}}),
        Ask("Members", "admin", {"filter": {"outletId": to_global("Outlet", place["id"])}}),
        Ask("AuditLog", "admin"),
        Ask("SuspiciousLearning", "admin"),
        Ask("CourseList", "admin", {"filter": {"status": "DRAFT"}}),
    ]
    return asks


async def _read(operation: str, text: str, args: tuple[Any, ...], owners: Mapping[str, str]) -> Read:
    answer: Any = None
    with suppress(Forgotten):
        async with db.side_transaction() as side:
            answer = (await side.rows(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", *args))[0]["QUERY PLAN"]
            raise Forgotten
    told = json.loads(answer)[0]
    plan = told["Plan"]
    whole = list(walked_whole(plan, owners))
    names = dict.fromkeys(
        node.get("Index Name", node.get("Relation Name", ""))
        for node in nodes(plan)
        if node["Node Type"] in SCANS and node["Actual Loops"]
    )
    marked = ", ".join(f"**{name}**" if any(name in each for each in whole) else name for name in names)
    return Read(
        operation,
        _short(text),
        marked or "nothing",
        rows_read(plan),
        round(plan["Actual Rows"]),
        plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
        told["Execution Time"],
    )


def _asked(variables: Mapping[str, object]) -> str:
    """What was asked for, without ids and dates."""
    if "input" in variables:
        return ""
    found = ""
    for name, value in variables.items():
        if isinstance(value, dict):
            found += f", {name}{_asked(value)}".replace(f"{name},", f"{name}:")
        else:
            found += f", {name} {value}" if str(value).isupper() else f", {name}"
    return found


def _short(text: str) -> str:
    """A statement without what it selects, and with an end."""
    told = " ".join(text.split()).replace("|", "¦")
    depth = 0
    for part in re.finditer(r"[()]| FROM ", told):
        depth += {"(": 1, ")": -1}.get(part.group(), 0)
        if part.group() == " FROM " and not depth:
            told = f"SELECT …{told[part.start() :]}" if re.match("SELECT (?!count)", told) else told
            break
    return told if len(told) <= LONGEST else f"{told[:LONGEST]} …"


def _table(found: list[Read]) -> str:
    lines = [HEAD, ("---",) * len(HEAD)]
    lines += [
        (
            read.operation, f"`{read.statement}`", read.by, f"{read.rows_read:,}", f"{read.rows_given:,}",
            f"{read.pages:,}", f"{read.ms:.2f}",
        )
        for read in found
    ]  # fmt: skip
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--city-data", type=Path, required=True, help="a data directory that nobody serves just now")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found = measured_in(given.city_data, reads, 0)
    text = f"{len(found)} statements; {ground()}.\n\n{_table(found)}\n"
    print(text)
    if given.write:
        intro = DOCUMENT.read_text(encoding="utf-8").partition(ABOVE)[0]
        DOCUMENT.write_text(f"{intro}{ABOVE}\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
