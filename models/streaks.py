"""What is kept of streaks: marks along a member's learned days, so that no question has to read all of them.

`streak_marks` has no table class, because it is written by SQL alone: the run at the last learned day of every month
but the last one with any. It is a projection of `learned_days`, changed under the lock of the member's account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from kit.db import execute, rows


@dataclass(frozen=True, slots=True)
class MarkRow:
    """Columns as `gamification.streaks.Run`, which says what they mean."""

    day: date
    days: int
    in_row: int
    cards: int
    best_days: int


@dataclass(frozen=True, slots=True)
class History:
    """`mark`: the last one before the day asked for; None: there is none, and all learned days are here.

    `learned`: the learned days after it, ascending, each with the moment of its first learning. `later`: the marks
    after it, ascending.
    """

    mark: MarkRow | None
    learned: dict[date, datetime]
    later: list[MarkRow]


async def streak_history(member_id: UUID, before: date) -> History:
    """What a member's streak is found from, on `before` and ever since; a few months of days at most."""
    found = await rows(
        """WITH mark AS (
               SELECT day, days, in_row, cards, best_days FROM streak_marks WHERE member_id = $1 AND day < $2
               ORDER BY day DESC LIMIT 1
           ), since AS (SELECT coalesce((SELECT day FROM mark), '-infinity') AS day)
           SELECT day, NULL::timestamptz AS first_at, days, in_row, cards, best_days FROM mark
           UNION ALL
           SELECT day, NULL, days, in_row, cards, best_days FROM streak_marks
           WHERE member_id = $1 AND day > (SELECT day FROM since)
           UNION ALL
           SELECT day, (array_agg(occurred_at ORDER BY id DESC))[1], NULL, NULL, NULL, NULL FROM learned_days
           WHERE member_id = $1 AND day > (SELECT day FROM since) GROUP BY day HAVING sum(amount) > 0
           ORDER BY day""",
        member_id,
        before,
    )
    marks = [_mark(row) for row in found if row["first_at"] is None]
    mark = marks.pop(0) if marks and marks[0].day < before else None
    return History(mark, {row["day"]: row["first_at"] for row in found if row["first_at"] is not None}, marks)


async def change_marks(member_id: UUID, gone: Sequence[date], marks: Sequence[Any]) -> None:
    """Take marks away and set others (runs); none of both on one day."""
    await execute(
        """WITH gone AS (DELETE FROM streak_marks WHERE member_id = $1 AND day = ANY($2::date[]))
           INSERT INTO streak_marks (member_id, day, days, in_row, cards, best_days)
           SELECT $1, m.* FROM jsonb_to_recordset($3::text::jsonb)
               AS m (day date, days int, in_row int, cards smallint, best_days int)
           ON CONFLICT (member_id, day) DO UPDATE SET days = excluded.days, in_row = excluded.in_row,
               cards = excluded.cards, best_days = excluded.best_days""",
        member_id,
        list(gone),
        orjson.dumps(list(marks)).decode(),
    )


def _mark(row: dict[str, Any]) -> MarkRow:
    return MarkRow(row["day"], row["days"], row["in_row"], row["cards"], row["best_days"])
