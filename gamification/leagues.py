"""Weekly leagues (联赛): who plays with whom, and who rises and falls.

Pure. A league holds about 30 learners of one tier, one city and one division. Who is in which is a shuffle that anyone
who knows the seed can repeat, and nobody who does not: members are ordered by HMAC-SHA256(seed, member) and dealt out.
"""

import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from gamification.titles import Title
from kit.words import LeagueDivision, LeagueZone, OutletTier

SEED_BYTES = 32
SIZE = 30
"""What the sizes of leagues are as near to as they can be."""
FULL = 40
"""Nobody is added to a league that has as many."""
MOVING = 7
"""How many rise and how many fall."""
WHOLE = 3 * MOVING
"""In a smaller league a third rises and a third falls, rounded down."""

DIVISIONS = tuple(LeagueDivision)
"""From the bottom, where everybody begins, to the top."""
TITLES = {
    LeagueDivision.BRONZE: Title("青铜联赛", "Bronze League"),
    LeagueDivision.SILVER: Title("白银联赛", "Silver League"),
    LeagueDivision.GOLD: Title("黄金联赛", "Gold League"),
    LeagueDivision.PLATINUM: Title("铂金联赛", "Platinum League"),
    LeagueDivision.DIAMOND: Title("钻石联赛", "Diamond League"),
}
STEPS = {LeagueZone.PROMOTE: 1, LeagueZone.STAY: 0, LeagueZone.DEMOTE: -1}


@dataclass(frozen=True, slots=True)
class Field:
    """Where equals are found: one tier in one city."""

    tier: OutletTier
    city_id: UUID


@dataclass(frozen=True, slots=True)
class Entrant:
    """Somebody without a league, and the division they hold."""

    member_id: UUID
    field: Field
    division: LeagueDivision


@dataclass(frozen=True, slots=True)
class Group:
    """One league of a week; `number` counts from 1 within the field and the division."""

    field: Field
    division: LeagueDivision
    number: int


def groups_of(seed: bytes, entrants: Iterable[Entrant], sizes: Mapping[Group, int]) -> dict[UUID, Group]:
    """The league of each entrant. `sizes` are the leagues there are: none when a week is formed.

    Whoever comes to leagues that are there joins the smallest of their division that is not full; who does not fit is
    dealt out to new ones. A single entrant without a league in their own division plays with the nearest division, of
    two the lower, so that nobody is alone who need not be. The order of `entrants` does not matter.
    """
    waiting: dict[Field, dict[LeagueDivision, list[UUID]]] = defaultdict(lambda: defaultdict(list))
    for entrant in entrants:
        waiting[entrant.field][entrant.division].append(entrant.member_id)
    there: dict[Field, dict[LeagueDivision, dict[Group, int]]] = defaultdict(lambda: defaultdict(dict))
    for group, size in sizes.items():
        there[group.field][group.division][group] = size
    found: dict[UUID, Group] = {}
    for field, by_division in waiting.items():
        _take_along_the_lone(by_division, there[field])
        for division, member_ids in by_division.items():
            lots = sorted(member_ids, key=lambda member_id: _lot(seed, member_id.bytes))
            found |= _seated(seed, Group(field, division, 1), lots, there[field][division])
    return found


def split(count: int) -> list[int]:
    """The sizes of the leagues that `count` members make: as near to 30 as they can be, and no two further apart than
    one; of two ways equally near the fewer leagues."""
    if count == 0:
        return []
    fewer = count // SIZE
    # count / fewer - 30 > 30 - count / (fewer + 1), without fractions
    groups = fewer + 1 if count * (2 * fewer + 1) > 2 * SIZE * fewer * (fewer + 1) else fewer
    return [count // groups + (number < count % groups) for number in range(groups)]


def zones(division: LeagueDivision, points: Sequence[int]) -> list[LeagueZone]:
    """What the week means to each of a league whose points, the most first, are these.

    The first 7 rise and the last 7 fall; of fewer than 21 a third each, rounded down. Whoever has as much as the last
    who rises, rises; whoever has as much as the last who stays, stays. Nobody rises without points; the top does not
    rise, and the bottom does not fall.
    """
    moving = MOVING if len(points) >= WHOLE else len(points) // 3
    if not moving:
        return [LeagueZone.STAY] * len(points)
    rises_from = points[moving - 1] if division is not DIVISIONS[-1] else None
    stays_from = points[-moving - 1] if division is not DIVISIONS[0] else None
    return [_zone(each, rises_from, stays_from) for each in points]


def after(held: LeagueDivision, zone: LeagueZone | None) -> LeagueDivision:
    """The division held after a week in this zone; None: the week did not count."""
    step = STEPS[zone] if zone is not None else 0
    return DIVISIONS[max(0, min(DIVISIONS.index(held) + step, len(DIVISIONS) - 1))]


def _zone(points: int, rises_from: int | None, stays_from: int | None) -> LeagueZone:
    if rises_from is not None and points > 0 and points >= rises_from:
        return LeagueZone.PROMOTE
    if stays_from is not None and points < stays_from:
        return LeagueZone.DEMOTE
    return LeagueZone.STAY


def _take_along_the_lone(
    waiting: dict[LeagueDivision, list[UUID]], there: Mapping[LeagueDivision, Mapping[Group, int]]
) -> None:
    """Move who would be alone in their division to the nearest one with others in it."""
    for division in reversed(DIVISIONS):
        if len(waiting.get(division, ())) != 1 or there.get(division):
            continue
        others = [each for each in DIVISIONS if each is not division and (waiting.get(each) or there.get(each))]
        if others:
            at = DIVISIONS.index(division)
            nearest = min(others, key=lambda each: (abs(DIVISIONS.index(each) - at), DIVISIONS.index(each)))
            waiting[nearest] += waiting.pop(division)


def _seated(seed: bytes, first: Group, lots: Sequence[UUID], there: Mapping[Group, int]) -> dict[UUID, Group]:
    """`lots` in leagues of the field and division of `first`."""
    sizes = dict(there)
    found: dict[UUID, Group] = {}
    room = sum(max(0, FULL - size) for size in sizes.values())
    for member_id in lots[:room]:
        group = min(sizes, key=lambda each: (sizes[each], _lot(seed, b"%d %b" % (each.number, member_id.bytes))))
        sizes[group] += 1
        found[member_id] = group
    rest = lots[room:]
    new = [replace(first, number=len(there) + 1 + number) for number in range(len(split(len(rest))))]
    return found | {member_id: new[place % len(new)] for place, member_id in enumerate(rest)}


def _lot(seed: bytes, what: bytes) -> bytes:
    return hmac.digest(seed, what, "sha256")
