"""Weekly leagues: the weeks that were formed, their leagues, and who plays where. Made by migration 0021:

league_weeks    Monday -> seed, formed_at; settled_at: the week is over and its results are known, as far as reported;
                closed_at: the results are final, because the points of the week are frozen. `turns` counts how often
                members were added; `untold`: somebody has a result that they were not told.
leagues         one league of a week: its field (tier, city), division, and number within both.
league_members  (member, Monday) -> the league. `turn` 0 plays from the forming on, later turns joined together later.
                `entered_division` is what the member held when joining, and never changes; `held_division` what they
                hold by all results so far, which late reports of the week before may still change. Position, points
                and zone are null until the week is settled, and for who was not ranked then. `told_zone` is the zone
                the member was told.

Whoever adds members or settles holds the lock of the week's row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from kit.db import copy_rows, execute, require_transaction, rows
from kit.words import LeagueDivision, LeagueZone, OutletTier
from models.standing_steps import RANKED

WEEK = timedelta(days=7)
ACTIVE = timedelta(days=14)
"""Who learned anything in so many days before a week, or in it, plays."""

# Each region with its city, which is the first or the second step of its path; without one, with the top of its tree.
CITIES = """
    cities AS (
        SELECT r.id AS region_id, coalesce(city.id, top.id) AS city_id
        FROM (SELECT id, split_part(path, '/', 1) || '/' AS first, split_part(path, '/', 2) || '/' AS second
              FROM regions) r
        JOIN regions top ON top.path = r.first
        LEFT JOIN regions city ON city.kind = 'CITY' AND city.path IN (r.first, r.first || r.second))"""

# What the week has brought the member `m` of one league so far, and whether they are ranked: thirty short looks.
EARNED = """
    LEFT JOIN LATERAL (
        SELECT greatest(0, coalesce(sum(d.amount), 0))::bigint AS points, max(d.reached_at) AS reached_at
        FROM metric_days d
        WHERE d.member_id = m.member_id AND d.metric = 'POINTS' AND d.day >= m.starts_on AND d.day < m.starts_on + 7
    ) earned ON w.closed_at IS NULL"""
IS_RANKED = """(
        SELECT who.suspended_at IS NULL AND EXISTS (
            SELECT FROM role_grants g WHERE g.member_id = who.id AND g.role = 'LEARNER' AND g.revoked_at IS NULL)
        FROM members who WHERE who.id = m.member_id)"""

SEAT = "member_id, league_id, turn, entered_division AS entered, held_division AS held, position, points, zone"


@dataclass(frozen=True, slots=True)
class WeekRow:
    starts_on: date
    seed: bytes
    formed_at: datetime
    settled_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class LeagueRow:
    id: UUID
    starts_on: date
    tier: OutletTier
    city_id: UUID
    division: LeagueDivision
    number: int


@dataclass(frozen=True, slots=True)
class NewcomerRow:
    """Somebody who plays and has no league this week. `held` and `zone` are of the last week they played, if any."""

    member_id: UUID
    tier: OutletTier
    city_id: UUID
    held: LeagueDivision | None
    zone: LeagueZone | None


@dataclass(frozen=True, slots=True)
class SeatRow:
    """A member of a league; columns as in `league_members`."""

    member_id: UUID
    league_id: UUID
    turn: int
    entered: LeagueDivision
    held: LeagueDivision
    result: "Result | None" = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a week was for a member: the place in the league, from 1, the points, and where it leads."""

    position: int
    points: int
    zone: LeagueZone


@dataclass(frozen=True, slots=True)
class UntoldRow:
    """Somebody who does not know their result. `told_before`: they were told another one."""

    seat: SeatRow
    told_before: bool


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A member of a league with the points of the week; no `reached_at` without points. Only `ranked` ones count."""

    league_id: UUID
    member_id: UUID
    points: int
    reached_at: datetime | None
    ranked: bool = True


@dataclass(frozen=True, slots=True)
class TableRow:
    """A league with whoever is ranked in it: while the week is not closed the scores, in no order; then the results,
    the first place first."""

    league: LeagueRow
    scores: tuple[ScoreRow, ...]
    results: tuple[tuple[UUID, Result], ...]


async def try_lock_forming() -> bool:
    """Let one transaction at a time form weeks and settle them; False while another one does."""
    require_transaction()
    [row] = await rows("SELECT pg_try_advisory_xact_lock(hashtextextended('leagues', 0)) AS held")
    return bool(row["held"])


async def weeks(*, unclosed: bool = False) -> list[WeekRow]:
    """The weeks that were formed, oldest first; only those whose results are not final, if told so."""
    found = await rows(
        "SELECT starts_on, seed, formed_at, settled_at, closed_at FROM league_weeks"
        " WHERE closed_at IS NULL OR NOT $1 ORDER BY starts_on",
        unclosed,
    )
    return [WeekRow(**row) for row in found]


async def locked_week(starts_on: date) -> WeekRow | None:
    """The week, its row locked until the transaction ends."""
    require_transaction()
    found = await rows(
        "SELECT starts_on, seed, formed_at, settled_at, closed_at FROM league_weeks WHERE starts_on = $1 FOR UPDATE",
        starts_on,
    )
    return WeekRow(**found[0]) if found else None


async def is_formed(starts_on: date) -> bool:
    return bool(await rows("SELECT 1 FROM league_weeks WHERE starts_on = $1", starts_on))


async def add_week(week: WeekRow) -> None:
    await execute(
        "INSERT INTO league_weeks (starts_on, seed, formed_at) VALUES ($1, $2, $3)",
        week.starts_on, week.seed, week.formed_at,
    )  # fmt: skip


async def newcomers(starts_on: date, until: date, member_ids: Sequence[UUID] | None = None) -> list[NewcomerRow]:
    """Ranked learners who learned anything in the 14 days before the week or from then on before `until`, and have no
    league in it, with where they stand now; of these members only, if any are given."""
    found = await rows(
        f"""WITH {CITIES}
            SELECT p.member_id, o.tier, c.city_id, last.held_division AS held, last.zone
            FROM posts p JOIN outlets o ON o.id = p.outlet_id JOIN cities c ON c.region_id = o.region_id
            LEFT JOIN LATERAL (
                SELECT held_division, zone FROM league_members l
                WHERE l.member_id = p.member_id AND l.starts_on < $1 ORDER BY l.starts_on DESC LIMIT 1) last ON true
            WHERE p.is_current AND ($4::uuid[] IS NULL OR p.member_id = ANY($4))
              AND NOT EXISTS (SELECT FROM league_members l WHERE l.member_id = p.member_id AND l.starts_on = $1)
              AND EXISTS (SELECT FROM metric_days d WHERE d.member_id = p.member_id
                          AND d.day >= $2 AND d.day < $3 AND d.amount > 0)
              AND p.{RANKED}""",  # noqa: S608 - fixed parts
        starts_on,
        starts_on - ACTIVE,
        until,
        list(member_ids) if member_ids is not None else None,
    )
    return [
        NewcomerRow(
            row["member_id"],
            OutletTier(row["tier"]),
            row["city_id"],
            LeagueDivision(row["held"]) if row["held"] else None,
            LeagueZone(row["zone"]) if row["zone"] else None,
        )
        for row in found
    ]


async def leagues_with_sizes(starts_on: date, fields: Iterable[tuple[OutletTier, UUID]]) -> list[tuple[LeagueRow, int]]:
    """The leagues of a week in these fields (tier, city), with how many members each has."""
    wanted = sorted(set(fields))
    found = await rows(
        """SELECT l.id, l.starts_on, l.tier, l.city_id, l.division, l.number,
                  (SELECT count(*) FROM league_members m WHERE m.league_id = l.id)::int AS size
           FROM leagues l JOIN unnest($2::text[], $3::uuid[]) AS f (tier, city_id) USING (tier, city_id)
           WHERE l.starts_on = $1 ORDER BY l.tier, l.city_id, l.division, l.number""",
        starts_on,
        [tier.value for tier, _ in wanted],
        [city_id for _, city_id in wanted],
    )
    return [(_league(row), row["size"]) for row in found]


async def leagues_of_week(starts_on: date) -> list[LeagueRow]:
    found = await rows(
        "SELECT id, starts_on, tier, city_id, division, number FROM leagues WHERE starts_on = $1", starts_on
    )
    return [_league(row) for row in found]


async def take_turn(starts_on: date) -> int:
    """Whoever is added next is added together: the number of that turn, from 0."""
    [row] = await rows(
        "UPDATE league_weeks SET turns = turns + 1 WHERE starts_on = $1 RETURNING turns - 1 AS turn", starts_on
    )
    return int(row["turn"])


async def add_leagues(leagues: Iterable[LeagueRow]) -> None:
    await copy_rows(
        "leagues",
        ("id", "starts_on", "tier", "city_id", "division", "number"),
        [
            (each.id, each.starts_on, each.tier.value, each.city_id, each.division.value, each.number)
            for each in leagues
        ],
    )


async def add_seats(starts_on: date, seats: Iterable[SeatRow], joined_at: datetime) -> None:
    await copy_rows(
        "league_members",
        ("member_id", "starts_on", "league_id", "turn", "entered_division", "held_division", "joined_at"),
        [
            (each.member_id, starts_on, each.league_id, each.turn, each.entered.value, each.held.value, joined_at)
            for each in seats
        ],
    )


async def scores(starts_on: date) -> list[ScoreRow]:
    """The points of a week so far, of everybody in its leagues, in no order; who is ranked now counts."""
    found = await rows(
        f"""SELECT m.league_id, m.member_id, greatest(0, coalesce(earned.points, 0)) AS points, earned.reached_at,
                   m.{RANKED} AS ranked
            FROM leagues l JOIN league_members m ON m.league_id = l.id
            LEFT JOIN (SELECT member_id, sum(amount)::bigint AS points, max(reached_at) AS reached_at FROM metric_days
                       WHERE metric = 'POINTS' AND day >= $1 AND day < $2 GROUP BY 1) earned USING (member_id)
            WHERE l.starts_on = $1""",  # noqa: S608 - fixed parts
        starts_on,
        starts_on + WEEK,
    )
    return [_score(row) for row in found]


async def frozen_scores(starts_on: date) -> list[ScoreRow] | None:
    """The final points of a week, of everybody in its leagues, in no order; None while they are not frozen.

    Who was ranked when they were frozen counts, and without points who is ranked now.
    """
    frozen = await rows(
        "SELECT id FROM board_periods WHERE period = 'WEEK' AND starts_on = $1 AND phase <> 'GRACE'", starts_on
    )
    if not frozen:
        return None
    found = await rows(
        f"""SELECT m.league_id, m.member_id, greatest(0, coalesce(f.points, 0)) AS points, f.reached_at,
                   f.member_id IS NOT NULL OR m.{RANKED} AS ranked
            FROM leagues l JOIN league_members m ON m.league_id = l.id LEFT JOIN (
                SELECT member_id, sum(amount)::bigint AS points, max(reached_at) AS reached_at FROM frozen_totals
                WHERE period_id = $2 AND metric = 'POINTS' GROUP BY 1) f USING (member_id)
            WHERE l.starts_on = $1""",  # noqa: S608 - fixed parts
        starts_on,
        frozen[0]["id"],
    )
    return [_score(row) for row in found]


async def seats_of_week(starts_on: date) -> list[SeatRow]:
    """Everybody in the leagues of a week, in the order in which they joined."""
    found = await rows(
        f"""SELECT {SEAT} FROM league_members WHERE league_id IN (SELECT id FROM leagues WHERE starts_on = $1)
            ORDER BY turn, member_id""",  # noqa: S608 - fixed parts
        starts_on,
    )
    return [_seat(row) for row in found]


async def save_results(starts_on: date, results: Mapping[UUID, Result]) -> None:
    """Write the results of a week; who is not among them was not ranked and has none."""
    await execute(
        """UPDATE league_members m SET position = r.position, points = r.points, zone = r.zone
           FROM league_members before LEFT JOIN unnest($2::uuid[], $3::int[], $4::bigint[], $5::text[])
               AS r (member_id, position, points, zone) USING (member_id)
           WHERE before.league_id IN (SELECT id FROM leagues WHERE starts_on = $1)
             AND m.starts_on = $1 AND m.member_id = before.member_id
             AND (m.position, m.points, m.zone) IS DISTINCT FROM (r.position, r.points, r.zone)""",
        starts_on,
        list(results),
        [result.position for result in results.values()],
        [result.points for result in results.values()],
        [result.zone.value for result in results.values()],
    )


async def mark_settled(starts_on: date, settled_at: datetime, closed_at: datetime | None) -> None:
    """The results of a week are written, and are to be told."""
    await execute(
        "UPDATE league_weeks SET settled_at = $2, closed_at = $3, untold = true WHERE starts_on = $1",
        starts_on, settled_at, closed_at,
    )  # fmt: skip


async def weeks_to_tell() -> list[date]:
    """The Mondays of weeks with results that were not told, oldest first."""
    return [row["starts_on"] for row in await rows("SELECT starts_on FROM league_weeks WHERE untold ORDER BY 1")]


async def untold(starts_on: date, limit: int) -> list[UntoldRow]:
    """Members whose result of a week is not what they were told; their rows are locked until the transaction ends."""
    require_transaction()
    found = await rows(
        f"""SELECT {SEAT}, told_zone IS NOT NULL AS told_before FROM league_members
            WHERE league_id IN (SELECT id FROM leagues WHERE starts_on = $1) AND told_zone IS DISTINCT FROM zone
            ORDER BY member_id LIMIT $2 FOR UPDATE""",  # noqa: S608 - fixed parts
        starts_on,
        limit,
    )
    return [UntoldRow(_seat(row), row["told_before"]) for row in found]


async def mark_told(starts_on: date, member_ids: Sequence[UUID]) -> None:
    """These members know what a week brought them; none: everybody does."""
    if member_ids:
        await execute(
            "UPDATE league_members SET told_zone = zone WHERE starts_on = $1 AND member_id = ANY($2::uuid[])",
            starts_on, list(member_ids),
        )  # fmt: skip
    else:
        await execute("UPDATE league_weeks SET untold = false WHERE starts_on = $1", starts_on)


async def played_since(member_ids: Sequence[UUID], starts_on: date) -> dict[UUID, list[tuple[date, SeatRow]]]:
    """The weeks that each of these members played from this one on, oldest first, with the Monday of each."""
    found = await rows(
        f"SELECT starts_on, {SEAT} FROM league_members"  # noqa: S608 - fixed parts
        " WHERE member_id = ANY($1::uuid[]) AND starts_on >= $2 ORDER BY member_id, starts_on",
        list(member_ids),
        starts_on,
    )
    shelf: dict[UUID, list[tuple[date, SeatRow]]] = {}
    for row in found:
        monday = row.pop("starts_on")
        shelf.setdefault(row["member_id"], []).append((monday, _seat(row)))
    return shelf


async def save_held(changes: Sequence[tuple[UUID, date, LeagueDivision]]) -> None:
    """Correct the division that members (member, Monday, division) hold."""
    if changes:
        await execute(
            """UPDATE league_members m SET held_division = c.division
               FROM unnest($1::uuid[], $2::date[], $3::text[]) AS c (member_id, starts_on, division)
               WHERE m.member_id = c.member_id AND m.starts_on = c.starts_on""",
            [member_id for member_id, _, _ in changes],
            [starts_on for _, starts_on, _ in changes],
            [division.value for _, _, division in changes],
        )


async def held_that_differ(limit: int) -> list[dict[str, Any]]:
    """Members whose held division does not follow from the week they played before.

    As {member_id, starts_on, held, before, zone}; `before` and `zone` are null for the first week of a member.
    """
    return await rows(
        """WITH chain AS (
               SELECT member_id, starts_on, held_division AS held,
                      lag(held_division) OVER w AS before, lag(zone) OVER w AS zone
               FROM league_members WINDOW w AS (PARTITION BY member_id ORDER BY starts_on)),
           ladder AS (SELECT ARRAY['BRONZE', 'SILVER', 'GOLD', 'PLATINUM', 'DIAMOND'] AS steps)
           SELECT chain.* FROM chain, ladder
           WHERE held <> steps[greatest(1, least(5, coalesce(array_position(steps, before::text), 1)
                         + CASE zone WHEN 'PROMOTE' THEN 1 WHEN 'DEMOTE' THEN -1 ELSE 0 END))]
           ORDER BY starts_on, member_id LIMIT $1""",
        limit,
    )


async def tables_of_members(starts_on: date, member_ids: Sequence[UUID]) -> list[TableRow | None]:
    """The league of each member in a week, in the order of `member_ids`; None for who is in none, or not ranked."""
    found = await _tables("l.id IN (SELECT league_id FROM league_members WHERE member_id = ANY($1) AND starts_on = $2)",
                          list(member_ids), starts_on)  # fmt: skip
    by_member = {score.member_id: table for table in found for score in table.scores}
    by_member |= {member_id: table for table in found for member_id, _ in table.results}
    return [by_member.get(each) for each in member_ids]


async def tables_by_ids(ids: Sequence[UUID]) -> list[TableRow | None]:
    """The leagues of these ids, in the order of `ids`."""
    found = {table.league.id: table for table in await _tables("l.id = ANY($1)", list(ids))}
    return [found.get(each) for each in ids]


async def _tables(where: str, *args: object) -> list[TableRow]:
    found = await rows(
        f"""SELECT l.id, l.starts_on, l.tier, l.city_id, l.division, l.number, m.member_id, m.position, m.zone,
                   w.closed_at IS NOT NULL AS closed, coalesce(earned.points, m.points) AS points, earned.reached_at
            FROM leagues l JOIN league_weeks w USING (starts_on) JOIN league_members m ON m.league_id = l.id {EARNED}
            WHERE {where} AND CASE WHEN w.closed_at IS NULL THEN {IS_RANKED} ELSE m.zone IS NOT NULL END
            ORDER BY m.position""",  # noqa: S608 - fixed parts
        *args,
    )
    shelf: dict[UUID, list[dict[str, Any]]] = {}
    for row in found:
        shelf.setdefault(row["id"], []).append(row)
    return [
        TableRow(
            _league(lines[0]),
            tuple(ScoreRow(each, line["member_id"], line["points"], line["reached_at"]) for line in lines)
            if not lines[0]["closed"]
            else (),
            tuple((line["member_id"], _result(line)) for line in lines) if lines[0]["closed"] else (),
        )
        for each, lines in shelf.items()
    ]


def _league(row: Mapping[str, Any]) -> LeagueRow:
    return LeagueRow(
        row["id"],
        row["starts_on"],
        OutletTier(row["tier"]),
        row["city_id"],
        LeagueDivision(row["division"]),
        row["number"],
    )


def _score(row: Mapping[str, Any]) -> ScoreRow:
    return ScoreRow(row["league_id"], row["member_id"], row["points"], row["reached_at"], row["ranked"])


def _seat(row: Mapping[str, Any]) -> SeatRow:
    return SeatRow(
        row["member_id"],
        row["league_id"],
        row["turn"],
        LeagueDivision(row["entered"]),
        LeagueDivision(row["held"]),
        _result(row) if row["zone"] else None,
    )


def _result(row: Mapping[str, Any]) -> Result:
    return Result(row["position"], row["points"], LeagueZone(row["zone"]))
