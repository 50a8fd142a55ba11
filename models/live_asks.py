"""What a live lesson's room is asked: polls with their votes, and check-ins with their answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.db import execute, require_transaction, rows


@dataclass(frozen=True, slots=True)
class PollRow:
    """Votes are taken in [opened_at, closes_at), unless it was closed before; `multiple`: for several options."""

    id: UUID
    lesson_id: UUID
    question: str
    multiple: bool
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class OptionRow:
    """`votes` are counted from their rows."""

    id: UUID
    text: str
    votes: int


@dataclass(frozen=True, slots=True)
class CheckInRow:
    """Answers are taken in [asked_at, answer_by]."""

    id: UUID
    lesson_id: UUID
    asked_at: datetime
    answer_by: datetime


POLL = "id, lesson_id, question, multiple, opened_at, closes_at, closed_at"
CHECK_IN = "id, lesson_id, asked_at, answer_by"


# Polls


async def add_poll(poll: PollRow, options: Sequence[tuple[UUID, str]]) -> None:
    """The caller holds the room, and no poll of it is open."""
    require_transaction()
    await execute(
        "INSERT INTO live_polls (id, lesson_id, question, multiple, opened_at, closes_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        poll.id, poll.lesson_id, poll.question, poll.multiple, poll.opened_at, poll.closes_at,
    )  # fmt: skip
    await execute(
        "INSERT INTO live_poll_options (id, poll_id, place, text) SELECT o.id, $1, o.place, o.text"
        " FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY AS o (id, text, place)",
        poll.id, [each for each, _ in options], [text for _, text in options],
    )  # fmt: skip


async def polls_by_ids(ids: Sequence[UUID]) -> list[PollRow | None]:
    """The polls of these ids, in their order."""
    found = {
        row["id"]: PollRow(**row)
        for row in await rows(f"SELECT {POLL} FROM live_polls WHERE id = ANY($1::uuid[])", list(ids))  # noqa: S608
    }
    return [found.get(each) for each in ids]


async def open_poll_of(lesson_id: UUID) -> PollRow | None:
    """The poll of a lesson that nobody has closed, its row locked until the transaction ends; its time may be over."""
    require_transaction()
    found = await rows(
        f"SELECT {POLL} FROM live_polls WHERE lesson_id = $1 AND closed_at IS NULL FOR NO KEY UPDATE",  # noqa: S608
        lesson_id,
    )
    return PollRow(**found[0]) if found else None


async def held_poll(poll_id: UUID) -> PollRow | None:
    """The poll, kept from being closed until the transaction ends; others vote meanwhile."""
    require_transaction()
    found = await rows(f"SELECT {POLL} FROM live_polls WHERE id = $1 FOR SHARE", poll_id)  # noqa: S608
    return PollRow(**found[0]) if found else None


async def polls_to_close(now: datetime) -> list[UUID]:
    """The lessons whose open poll is over by now, the first to end first."""
    found = await rows(
        "SELECT lesson_id FROM live_polls WHERE closed_at IS NULL AND closes_at <= $1 ORDER BY closes_at, id", now
    )
    return [row["lesson_id"] for row in found]


async def mark_closed(poll_id: UUID, now: datetime) -> None:
    """The caller holds the poll."""
    await execute("UPDATE live_polls SET closed_at = $2 WHERE id = $1", poll_id, now)


async def options_of(poll_ids: Sequence[UUID]) -> list[list[OptionRow]]:
    """The options of each poll in order with the votes for them, in the order of the ids."""
    shelf: dict[UUID, list[OptionRow]] = {each: [] for each in poll_ids}
    found = await rows(
        "WITH cast_votes AS (SELECT option_id, count(*) AS votes FROM live_votes, unnest(option_ids) AS option_id"
        " WHERE poll_id = ANY($1::uuid[]) GROUP BY option_id)"
        " SELECT o.poll_id, o.id, o.text, coalesce(v.votes, 0) AS votes FROM live_poll_options o"
        " LEFT JOIN cast_votes v ON v.option_id = o.id WHERE o.poll_id = ANY($1::uuid[]) ORDER BY o.poll_id, o.place",
        list(poll_ids),
    )
    for row in found:
        shelf[row["poll_id"]].append(OptionRow(row["id"], row["text"], row["votes"]))
    return [shelf[each] for each in poll_ids]


async def add_vote(poll_id: UUID, member_id: UUID, option_ids: Sequence[UUID], now: datetime) -> bool:
    """Keep the member's vote; False if they have voted already. The caller holds the poll."""
    require_transaction()
    put = await rows(
        "INSERT INTO live_votes (poll_id, member_id, option_ids, voted_at) VALUES ($1, $2, $3::uuid[], $4)"
        " ON CONFLICT (poll_id, member_id) DO NOTHING RETURNING poll_id",
        poll_id, member_id, list(option_ids), now,
    )  # fmt: skip
    return bool(put)


async def votes_of(member_id: UUID, poll_ids: Sequence[UUID]) -> list[list[UUID]]:
    """What the member voted for in each poll, in the order of the ids; nothing where they did not."""
    found = await rows(
        "SELECT poll_id, option_ids FROM live_votes WHERE member_id = $1 AND poll_id = ANY($2::uuid[])",
        member_id, list(poll_ids),
    )  # fmt: skip
    given: Mapping[UUID, list[UUID]] = {row["poll_id"]: list(row["option_ids"]) for row in found}
    return [given.get(each, []) for each in poll_ids]


# Check-ins


async def add_check_in(check_in: CheckInRow) -> None:
    require_transaction()
    await execute(
        "INSERT INTO live_check_ins (id, lesson_id, asked_at, answer_by) VALUES ($1, $2, $3, $4)",
        check_in.id, check_in.lesson_id, check_in.asked_at, check_in.answer_by,
    )  # fmt: skip


async def check_ins_by_ids(ids: Sequence[UUID]) -> list[CheckInRow | None]:
    """The check-ins of these ids, in their order."""
    found = {
        row["id"]: CheckInRow(**row)
        for row in await rows(f"SELECT {CHECK_IN} FROM live_check_ins WHERE id = ANY($1::uuid[])", list(ids))  # noqa: S608
    }
    return [found.get(each) for each in ids]


async def is_check_in_open(lesson_id: UUID, now: datetime) -> bool:
    """Whether a check-in of the lesson can still be answered."""
    found = await rows("SELECT 1 FROM live_check_ins WHERE lesson_id = $1 AND answer_by > $2 LIMIT 1", lesson_id, now)
    return bool(found)


async def add_answer(check_in_id: UUID, member_id: UUID, now: datetime) -> None:
    """Keep the member's answer; again changes nothing."""
    await execute(
        "INSERT INTO live_check_in_answers (check_in_id, member_id, answered_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (check_in_id, member_id) DO NOTHING",
        check_in_id, member_id, now,
    )  # fmt: skip


async def answered(member_id: UUID, check_in_ids: Sequence[UUID]) -> list[bool]:
    """Whether the member has answered each check-in, in the order of the ids."""
    found = await rows(
        "SELECT check_in_id FROM live_check_in_answers WHERE member_id = $1 AND check_in_id = ANY($2::uuid[])",
        member_id, list(check_in_ids),
    )  # fmt: skip
    given = {row["check_in_id"] for row in found}
    return [each in given for each in check_in_ids]


async def count_check_ins(lesson_ids: Sequence[UUID]) -> list[int]:
    """How many check-ins each lesson has had, in the order of the ids."""
    found = await rows(
        "SELECT lesson_id, count(*) AS n FROM live_check_ins WHERE lesson_id = ANY($1::uuid[]) GROUP BY lesson_id",
        list(lesson_ids),
    )
    counts = {row["lesson_id"]: int(row["n"]) for row in found}
    return [counts.get(each, 0) for each in lesson_ids]


async def answers_by_member(lesson_id: UUID, member_ids: Sequence[UUID] | None = None) -> dict[UUID, int]:
    """How many check-ins of the lesson each of these members, or everybody, has answered in time; who answered none is
    left out."""
    found = await rows(
        "SELECT a.member_id, count(*) AS n FROM live_check_in_answers a JOIN live_check_ins c ON c.id = a.check_in_id"
        " WHERE c.lesson_id = $1 AND ($2::uuid[] IS NULL OR a.member_id = ANY($2)) GROUP BY a.member_id",
        lesson_id, list(member_ids) if member_ids is not None else None,
    )  # fmt: skip
    return {row["member_id"]: int(row["n"]) for row in found}
