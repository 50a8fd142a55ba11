"""More seats than there are can never be taken, whatever the planner does and whoever writes."""

from functools import partial

import asyncpg
import pytest

from kit.db import execute, transaction
from models.classes import seat_next
from tests.classes.school import School, row_id


async def test_as_many_get_a_seat_as_are_free_where_postgresql_expects_few(school: School) -> None:
    """Statistics from the first sign-up of all make it read the waitlist anew for each seat, if that is joined."""
    class_id = await school.scheduled(capacity=1)
    [seated] = await school.signed_up(class_id)
    await execute("VACUUM (FULL, ANALYZE) class_seats")
    waiting = await school.signed_up(class_id, 7)
    await execute("UPDATE offline_classes SET capacity = 4 WHERE id = $1", row_id(class_id))

    given = await transaction(partial(seat_next, row_id(class_id), 3, school.ports.clock.now()))

    assert set(given) == {each.id for each in waiting[:3]}
    assert await school.seats(class_id) == {
        seated.id: "SEATED",
        **dict.fromkeys((each.id for each in waiting[:3]), "SEATED"),
        **dict.fromkeys((each.id for each in waiting[3:]), "WAITLISTED"),
    }


async def test_the_database_refuses_a_seat_too_many(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [seated, waiting] = await school.signed_up(class_id, 2)

    with pytest.raises(asyncpg.CheckViolationError, match="more seats taken than there are"):
        await execute(
            "UPDATE class_seats SET state = 'SEATED', seated_at = now() WHERE offline_class_id = $1", row_id(class_id)
        )

    assert await school.seats(class_id) == {seated.id: "SEATED", waiting.id: "WAITLISTED"}


async def test_the_database_refuses_a_sign_up_too_many(school: School) -> None:
    class_id, late = await school.scheduled(capacity=1), await school.learner()
    [seated] = await school.signed_up(class_id)

    with pytest.raises(asyncpg.CheckViolationError, match="more seats taken than there are"):
        await execute(
            "INSERT INTO class_seats (id, offline_class_id, member_id, state, arrival, signed_up_at, seated_at)"
            " VALUES (gen_random_uuid(), $1, $2, 'SEATED', 99, now(), now())",
            row_id(class_id), late.id,
        )  # fmt: skip

    assert await school.seats(class_id) == {seated.id: "SEATED"}


async def test_the_database_refuses_a_class_smaller_than_what_is_taken(school: School) -> None:
    class_id = await school.scheduled(capacity=3)
    await school.signed_up(class_id, 2)
    await execute("UPDATE offline_classes SET capacity = 2 WHERE id = $1", row_id(class_id))

    with pytest.raises(asyncpg.CheckViolationError, match="more seats taken than there are"):
        await execute("UPDATE offline_classes SET capacity = 1 WHERE id = $1", row_id(class_id))

    assert (await school.row(class_id)).capacity == 2
