"""The parts in which all subjects are read: together everybody, and nobody twice."""

from uuid import UUID

import pytest

from kit.words import BoardSubjectKind
from models.standings import EVERY_ID, id_ranges
from tests.world import World


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 40])
async def test_the_ranges_of_ids_hold_every_member_once(world: World, parts: int) -> None:
    members = sorted([(await world.member()).id for _ in range(20)], key=str)

    ranges = await id_ranges(BoardSubjectKind.MEMBER, parts)

    held = [[each for each in members if after < each <= upto] for after, upto in ranges]
    assert [each for part in held for each in part] == members
    assert (ranges[0][0], ranges[-1][1]) == EVERY_ID
    assert len(ranges) == min(parts, 20)
    assert max(len(part) for part in held) - min(len(part) for part in held) <= 1


async def test_an_id_beyond_all_that_are_known_is_in_the_last_range(world: World) -> None:
    for _ in range(4):
        await world.member()

    ranges = await id_ranges(BoardSubjectKind.MEMBER, 2)

    assert len(ranges) == 2
    assert ranges[0][1] == ranges[1][0]
    assert ranges[1][0] < UUID(int=2**128 - 2) <= ranges[1][1]


async def test_an_academy_without_members_is_one_part(world: World) -> None:
    assert await id_ranges(BoardSubjectKind.MEMBER, 5) == [EVERY_ID]
    assert await id_ranges(BoardSubjectKind.REGION, 5) == [EVERY_ID]
