"""Talking in a live lesson's room: messages and questions, up-votes, and keeping order."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.names import JOINER, UNSEEN
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.paging import Ask, Page
from kit.words import LiveMessageKind, RoomEventKind
from models import live_messages as rows
from models.audit import Details
from models.live_lists import LiveLessonRow
from models.live_messages import MessageRow, SpeakerStanding
from models.live_room import is_known_in, locked_room, set_slow
from services.audit import record
from services.live import visible_lessons
from services.live_events import room_event, tell_room
from services.live_room import require_open, require_present, run_lesson, runs, seen_lesson
from services.ports import Ports

LONGEST_MESSAGE = 200
MOST_AT_ONCE = 2
AT_ONCE_SECONDS = 3
"""At most so many messages of a member in so many seconds."""
SLOW_SECONDS = range(601)
MUTE_SECONDS = range(86_401)
BESIDE = frozenset({JOINER, "\ufe0f"})
"""Unseen characters that emoji are made with."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a member says. `client_id`: the phone's name for it; the same again is the same message."""

    lesson_id: UUID
    kind: LiveMessageKind
    text: str
    client_id: UUID


async def post_live_message(ports: Ports, actor: Actor, post: Post) -> MessageRow:
    """Say something in a room, to everybody in it.

    THROTTLED for more than two in three seconds, and in slow mode; MUTED, WORD_REFUSED. Who runs the room is exempt
    from all of these. NOT_OPEN, CLOSED and STATE_FORBIDS as in `require_present`.
    """
    text = clean_message(post.text)
    await seen_lesson(actor, post.lesson_id, "liveLessonId")

    async def standing() -> SpeakerStanding:
        return await rows.speaker_standing(post.lesson_id, actor.member_id, post.client_id, MOST_AT_ONCE)

    async def said(standing: SpeakerStanding) -> MessageRow | None:
        """What was said under this client id before; refuses what must not be said."""
        if standing.posted_id is not None:
            return (await rows.messages_by_ids([standing.posted_id]))[0]
        lesson = await require_present(ports, actor, post.lesson_id, "liveLessonId")
        if not runs(actor, lesson):
            if ports.word_list.refuses(text):
                raise DomainError(ErrorCode.WORD_REFUSED, field=["text"])
            _refuse_turn(standing, ports.clock.now())
        return None

    # First without the room's lock, for whom it is refused anyway, or who asks again.
    if (before := await said(await standing())) is not None:
        return before

    async def work() -> tuple[MessageRow, bool]:
        await locked_room(post.lesson_id)
        if (before := await said(await standing())) is not None:
            return before, False
        message_id = new_id()
        seq = await room_event(ports, post.lesson_id, RoomEventKind.MESSAGE_POSTED, message_id)
        message = await rows.add_message(
            message_id, post.lesson_id, seq, actor.member_id, post.client_id, post.kind, text
        )
        return message, True

    message, is_new = await transaction(work)
    if is_new:
        await tell_room(ports, message.lesson_id, message.seq)
    return message


async def remove_live_message(ports: Ports, actor: Actor, message_id: UUID) -> MessageRow:
    """Take a message out of its room: who reads later does not find it. Again changes nothing."""
    message = await _message(actor, message_id)
    lesson = await run_lesson(actor, message.lesson_id, "messageId")

    async def work() -> int | None:
        await locked_room(lesson.id)
        held = await rows.locked_message(message.id)
        assert held is not None, "messages are never deleted"
        if held.removed_at is not None:
            return None
        await rows.remove_message(held.id, actor.member_id, ports.clock.now())
        details: Details = {"title": lesson.title, "member": str(held.member_id)}
        await record(ports, actor, "live_message.removed", "LiveMessage", held.id, details, region_path=_path(lesson))
        return await room_event(ports, lesson.id, RoomEventKind.MESSAGE_REMOVED, held.id)

    seq = await transaction(work)
    if seq is not None:
        await tell_room(ports, lesson.id, seq)
    return message


async def tell_rooms_of_deletion(ports: Ports, member_id: UUID) -> None:
    """Tell the rooms that are followed what of a deleted member's words is gone. Said again, nothing is told twice.

    After the deletion and not in it: whoever posts holds the room and waits for the member.
    """
    for lesson_id in await rows.untold_removals(member_id):

        async def work(lesson_id: UUID = lesson_id) -> int | None:
            await locked_room(lesson_id)
            seq = None
            for message_id in (await rows.untold_removals(member_id)).get(lesson_id, ()):
                seq = await room_event(ports, lesson_id, RoomEventKind.MESSAGE_REMOVED, message_id)
            return seq

        seq = await transaction(work)
        if seq is not None:
            await tell_room(ports, lesson_id, seq)


async def upvote_live_question(ports: Ports, actor: Actor, message_id: UUID) -> MessageRow:
    """Give a question the member's up-vote; again: take it back."""
    message = await _message(actor, message_id)
    if message.kind is not LiveMessageKind.QUESTION:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["messageId"])

    async def work() -> MessageRow:
        await require_present(ports, actor, message.lesson_id, "messageId")
        held = await rows.locked_message(message.id)
        if held is None or held.removed_at is not None:
            raise not_found("messageId")
        return await rows.toggle_upvote(held.id, actor.member_id, ports.clock.now())

    return await transaction(work)


async def mute_in_live_lesson(ports: Ports, actor: Actor, lesson_id: UUID, member_id: UUID, seconds: int) -> bool:
    """Let a member say nothing in a room for a while, from now on; 0 lifts it. Whether they are muted now.

    NOT_FOUND for who is not in the audience and has said nothing; STATE_FORBIDS for the host.
    """
    lesson = await run_lesson(actor, lesson_id, "liveLessonId")
    if seconds not in MUTE_SECONDS:
        raise bad_input("seconds")
    if member_id == lesson.host_id or member_id == actor.member_id:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["memberId"])
    if not await is_known_in(lesson.id, member_id):
        raise not_found("memberId")
    now = ports.clock.now()

    async def work() -> None:
        await locked_room(lesson.id)  # what was being said is said, and after it nothing
        details: Details = {"title": lesson.title, "seconds": seconds}
        if seconds:
            await rows.put_mute(lesson.id, member_id, now, now + timedelta(seconds=seconds))
            await record(ports, actor, "live_member.muted", "Member", member_id, details, region_path=_path(lesson))
        elif await rows.lift_mute(lesson.id, member_id):
            await record(ports, actor, "live_member.unmuted", "Member", member_id, details, region_path=_path(lesson))

    await transaction(work)
    return seconds > 0


async def set_live_slow_mode(ports: Ports, actor: Actor, lesson_id: UUID, seconds: int) -> int:
    """Let each member say one thing in so many seconds; 0 lifts it."""
    lesson = await run_lesson(actor, lesson_id, "liveLessonId")
    if seconds not in SLOW_SECONDS:
        raise bad_input("seconds")
    require_open(ports, lesson, "liveLessonId")

    async def work() -> None:
        if (await locked_room(lesson.id)).slow_seconds != seconds:
            await set_slow(lesson.id, seconds)
            details: Details = {"title": lesson.title, "seconds": seconds}
            await record(ports, actor, "live_room.slowed", "LiveLesson", lesson.id, details, region_path=_path(lesson))

    await transaction(work)
    return seconds


async def visible_messages(actor: Actor, ids: Sequence[UUID]) -> list[MessageRow | None]:
    """The messages of these ids, in their order; None for what was removed, or said where the actor sees nothing."""
    found = await rows.messages_by_ids(ids)
    lesson_ids = list({each.lesson_id for each in found if each is not None})
    seen = {lesson.id for lesson in await visible_lessons(actor, lesson_ids) if lesson is not None}
    return [each if each and each.removed_at is None and each.lesson_id in seen else None for each in found]


async def list_messages(lesson_id: UUID, ask: Ask) -> Page[MessageRow]:
    """What was said in a lesson that the caller has found visible, in the order of its replay."""
    return await rows.messages_page(lesson_id, ask)


async def note_word_list(ports: Ports) -> None:
    """A tick: keep in the audit that other words are refused than before."""
    words = ports.word_list.current()
    if not await rows.is_new_word_list(words.checksum):
        return

    async def work() -> None:
        list_id = new_id()
        await rows.add_word_list(list_id, words.checksum, len(words), ports.clock.now())
        details: Details = {"words": len(words), "checksum": words.checksum[:12]}
        await record(ports, None, "live_words.changed", "LiveWordList", list_id, details)

    await transaction(work)


def clean_message(text: str) -> str:
    """The text on one line, spaces single. BAD_USER_INPUT unless 1-200 characters are left, all of them to be seen."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    shown = [each for each in line if each not in BESIDE]
    hidden = any(unicodedata.category(each) in UNSEEN for each in shown)
    if hidden or not shown or len(line) > LONGEST_MESSAGE:
        raise bad_input("text")
    return line


async def _message(actor: Actor, message_id: UUID) -> MessageRow:
    """A message in a room that the actor sees, removed or not."""
    [message] = await rows.messages_by_ids([message_id])
    if message is None:
        raise not_found("messageId")
    await seen_lesson(actor, message.lesson_id, "messageId")
    return message


def _refuse_turn(standing: SpeakerStanding, now: datetime) -> None:
    if standing.muted_until is not None and now < standing.muted_until:
        raise DomainError(ErrorCode.MUTED, field=["liveLessonId"])
    waits = [0.0]
    if len(standing.recent_at) == MOST_AT_ONCE:
        waits.append(AT_ONCE_SECONDS - (now - standing.recent_at[-1]).total_seconds())
    if standing.recent_at:
        waits.append(standing.slow_seconds - (now - standing.recent_at[0]).total_seconds())
    if max(waits) > 0:
        raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=math.ceil(max(waits)))


def _path(lesson: LiveLessonRow) -> str | None:
    return lesson.region_path or None
