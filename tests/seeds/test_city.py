"""The city of full size, in small: what COPY wrote is what the ordinary road writes, row by row."""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest

from auth.actor import Actor, Grant
from kit import db
from kit.clock import ZONE, FrozenClock
from kit.crew import CrewLost
from kit.db import execute, rows
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.words import EventStatus, Role
from models import boards
from models.outlets import Outlet
from seeds import town
from seeds.big_city import CitySize
from services import city_seed, city_tellers
from services.board_closing import close_periods
from services.board_verifying import verify_boards
from services.city_seed import city_of, lay_ground, matter_of, seed_city
from services.city_tellers import CopyText, Teller, loads
from services.city_year import READING_A_RATING, TABLES, Told, Year
from services.courses import rate_course, recount_course
from services.demo import demo_accounts, is_demo_due
from services.ledger import ledger_verify
from services.notices import READ_KEPT
from services.points import purge_refused
from services.ports import Ports
from services.progress import Batch, report_progress
from services.sessions import Device, sign_in_with_code
from tests.seeds.test_demo import everything
from tests.servers import Wiper

SMALL = CitySize(outlets=60, courses=20, events=3_000)
MADE_UP = {"id", "booking_id", "read_at"}
"""Columns that nobody can foresee, or that follow from a person's reading."""


@pytest.fixture
def _periods_stay_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A year has four hundred periods; closing them says nothing about the rows."""

    async def no_matter(_: Ports) -> int:
        return 0

    monkeypatch.setattr(city_seed, "close_periods", no_matter)


async def written(ports: Ports, member_ids: Sequence[UUID]) -> dict[str, list[str]]:
    """What the tables say of these members, as text, without what nobody can foresee."""
    found: dict[str, list[str]] = {}
    for table, columns in TABLES.items():
        shown = ", ".join(column for column in columns if column not in MADE_UP)
        where = "created_at > $2" if table == "notices" else "$2::timestamptz IS NOT NULL"
        lines = await rows(
            f"SELECT ROW({shown})::text AS line FROM {table} WHERE member_id = ANY($1::uuid[]) AND {where} ORDER BY 1",
            list(member_ids),
            ports.clock.now() - READ_KEPT,
        )
        found[table] = [line["line"] for line in lines]
    return found


async def cap_soon() -> None:
    """Let a day of three lessons reach its cap, so that there is something to refuse."""
    await execute(
        "INSERT INTO point_rates (rule, version, points, daily_cap, enabled, effective_from, made_at, made_by)"
        " VALUES ('lesson.completed', 2, 10, 25, true, '2021-01-01 00:00+08', '2021-01-01 00:00+08', gen_random_uuid())"
    )


async def live(ports: Ports, clock: FrozenClock, year: Year, told: Told) -> None:
    """A member's year by the ordinary road: every report as the phone sends it, when it sends it."""
    actor = Actor(told.resident.member_id, new_id(), (Grant(Role.LEARNER, None, ""),))
    for sitting in told.sittings:
        clock.at = sitting.sent_at
        outcome = await report_progress(ports, actor, Batch(sitting.sent_at, tuple(year.reports(sitting))))
        assert {(result.status, result.code) for result in outcome.results} == {(EventStatus.ACCEPTED, None)}
        for number, (course, stars) in enumerate(sitting.rates, start=1):
            clock.at = sitting.sent_at + number * READING_A_RATING
            await rate_course(ports, actor, year.course_id(course), stars, "")


async def bookings(member_ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
    """Which entries were booked together."""
    found = await rows(
        "SELECT member_id, account, array_agg(account_version ORDER BY account_version) AS versions"
        " FROM ledger_entries WHERE member_id = ANY($1::uuid[]) GROUP BY booking_id, member_id, account",
        list(member_ids),
    )
    return sorted((row["member_id"], row["account"], row["versions"]) for row in found)


@pytest.mark.usefixtures("_periods_stay_open")
async def test_a_year_by_copy_is_the_year_of_the_ordinary_road(
    ports: Ports,
    clock: FrozenClock,
    _database: Wiper,  # noqa: PT019 - it empties the tables in the middle
) -> None:
    now = clock.now()
    await cap_soon()
    await seed_city(ports, SMALL)
    city = await city_of(ports, SMALL, 1)
    matter = await matter_of(city)
    everybody = Teller(matter).stories(0, len(matter.shares))
    chosen = sorted(everybody, key=lambda told: -told.events)[::6]
    member_ids = [told.resident.member_id for told in chosen]
    copied, booked = await written(ports, member_ids), await bookings(member_ids)

    await _database.wipe()
    await cap_soon()
    await lay_ground(ports, city)
    year = Teller(await matter_of(city)).year
    for told in chosen:
        await live(ports, clock, year, told)
    clock.at = now
    await purge_refused(ports)
    reported = await written(ports, member_ids)

    assert sum(told.events for told in everybody) == SMALL.events
    assert all(copied.values()), [table for table, lines in copied.items() if not lines]
    for table in TABLES:
        assert copied[table] == reported[table], table
    assert booked == await bookings(member_ids)


async def test_the_city_s_books_and_boards_are_in_order(ports: Ports) -> None:
    told: list[tuple[str, int, int]] = []
    await seed_city(ports, SMALL, tell=lambda *step: told.append(step))

    assert await ledger_verify() == []
    assert await verify_boards(ports) == []
    assert await close_periods(ports) == 0
    assert (await rows("SELECT count(*) AS n FROM learning_events"))[0]["n"] == SMALL.events
    assert await boards.marked_regions() == {}
    assert ("Telling a year of learning", SMALL.events, SMALL.events) in told


@pytest.mark.usefixtures("_periods_stay_open")
async def test_keys_indexes_references_and_triggers_are_as_they_were(ports: Ports) -> None:
    async def shape() -> list[str]:
        found = await rows(
            """SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS is FROM pg_constraint
               UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid >= 16384
               UNION ALL SELECT tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger
                         WHERE NOT tgisinternal ORDER BY 1"""
        )
        return [row["is"] for row in found]

    before = await shape()
    await seed_city(ports, SMALL)

    assert await shape() == before


async def test_several_processes_tell_what_one_tells_in_the_same_order(
    ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(city_tellers, "MEMBERS_AT_ONCE", 20)
    city = await city_of(ports, SMALL, 1)
    await lay_ground(ports, city)
    matter = await matter_of(city)

    alone = [load async for load in loads(matter, processes=0)]
    together = [load async for load in loads(matter, processes=2)]

    assert len(alone) > 3
    assert together == alone
    assert sum(load.events for load in alone) == SMALL.events


async def test_a_process_that_dies_ends_the_year(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(city_tellers, "MEMBERS_AT_ONCE", 20)
    monkeypatch.setattr(city_tellers, "_told", die)
    city = await city_of(ports, SMALL, 1)
    await lay_ground(ports, city)

    with pytest.raises(CrewLost):
        [load async for load in loads(await matter_of(city), processes=1)]


async def test_copy_takes_every_kind_of_value_as_it_is(database: None) -> None:
    odd = "Tab\t, back\\slash, \\N, line\nend\r, 'quote', 陈列 🏪"
    values = (
        None,
        True,
        -7,
        odd,
        new_id(),
        datetime(2026, 3, 5, 20, 0, 0, 7, ZONE),
        date(2026, 3, 5),
        b"\x00\xff",
        [1, 0],
    )
    names = [f"v{number}" for number in range(len(values))]
    kinds = ("int", "boolean", "bigint", "text", "uuid", "timestamptz", "date", "bytea", "int[]")
    with suppress(Forgotten):
        async with db.bulk_transaction() as bulk:
            columns = ", ".join(map(" ".join, zip(names, kinds, strict=True)))
            await bulk.execute(f"CREATE TABLE odd_values ({columns})")
            await bulk.copy("odd_values", names, CopyText().of([values, values]))
            taken = [tuple(row.values()) for row in await bulk.rows("SELECT * FROM odd_values")]
            raise Forgotten

    assert taken == [values, values]


async def die(_: object) -> None:
    os._exit(1)


class Forgotten(Exception):
    """Ends a transaction that leaves nothing behind."""


@pytest.mark.usefixtures("_periods_stay_open")
async def test_counters_are_what_the_worker_would_count(ports: Ports) -> None:
    async def counters() -> list[dict[str, Any]]:
        return await rows(
            "SELECT id, view_count, completion_count, rating_sum, rating_count, ARRAY(SELECT (tier, completions)::text"
            " FROM tier_completions t WHERE t.course_id = c.id ORDER BY 1) AS tiers FROM courses c ORDER BY id"
        )

    await seed_city(ports, SMALL)
    seeded = await counters()
    for course in seeded:
        await recount_course(course["id"])

    assert await counters() == seeded
    assert sum(course["view_count"] for course in seeded) > 300


@pytest.mark.usefixtures("_periods_stay_open")
async def test_a_second_run_changes_nothing_also_a_day_later(ports: Ports, clock: FrozenClock) -> None:
    await seed_city(ports, SMALL)
    before = await all_but_counting()
    clock.at += READ_KEPT

    await seed_city(ports, SMALL)

    assert await all_but_counting() == before
    assert not await is_demo_due()


@pytest.mark.usefixtures("_periods_stay_open")
async def test_a_year_that_broke_off_leaves_the_ground_alone_and_is_told_again(ports: Ports) -> None:
    def break_off(part: str, _: int, __: int) -> None:
        if part == "Building keys and indexes":
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        await seed_city(ports, SMALL, tell=break_off)
    half = (await rows("SELECT count(*) AS n FROM learning_events"))[0]["n"]
    await seed_city(ports, SMALL)

    assert half == 0
    assert await Outlet.all().count() == SMALL.outlets
    assert await ledger_verify() == []


@pytest.mark.usefixtures("_periods_stay_open")
async def test_another_city_is_refused_and_leaves_this_one_alone(ports: Ports) -> None:
    await seed_city(ports, SMALL)
    before = await everything()

    for size, seed in ((SMALL, 2), (CitySize(61, 20, 3_000), 1)):
        with pytest.raises(DomainError) as refused:
            await seed_city(ports, size, seed)
        assert refused.value.code is ErrorCode.CONFLICT

    assert await everything() == before


async def test_more_events_than_there_are_days_for_are_refused_before_anything_is_made(ports: Ports) -> None:
    with pytest.raises(DomainError) as refused:
        await seed_city(ports, CitySize(2, 20, 1_000_000))

    assert (refused.value.code, refused.value.field) == (ErrorCode.BAD_USER_INPUT, ("events",))
    assert await Outlet.all().count() == 0


@pytest.mark.usefixtures("_periods_stay_open")
async def test_every_demo_account_signs_in_to_the_city_with_its_role_alone(ports: Ports) -> None:
    await seed_city(ports, SMALL)

    held: list[set[str]] = []
    for _, phone in demo_accounts():
        signed_in = await sign_in_with_code(ports, phone, "888888", Device(f"device {phone}", "Test"))
        found = await rows("SELECT role FROM role_grants WHERE member_id = $1", signed_in.member_id)
        held.append({row["role"] for row in found})

    assert held == [{account.role.value} for account in town.ACCOUNTS]


async def all_but_counting() -> dict[str, str]:
    """A checksum of every table but the one that says when assignments were last counted, which a later look moves."""
    return {table: checksum for table, checksum in (await everything()).items() if table != "assigned_courses"}
