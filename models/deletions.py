"""Taking out of the tables what is personal of one member; what the books refer to stays under the bare id."""

from datetime import datetime
from uuid import UUID

from kit.db import execute, require_transaction, rows

NOBODY = "已注销用户"
"""What a deleted member is called wherever they still appear; a constraint holds them to it."""

# $1 the member, $2 now.
_ENDED = (
    # What they said in live rooms is gone as if it had been removed; up-votes, votes and answers stay counted.
    "UPDATE live_messages SET text = '', removed_at = coalesce(removed_at, $2) WHERE member_id = $1",
    "UPDATE posts SET until_at = greatest($2, from_at), is_current = false WHERE member_id = $1 AND until_at IS NULL",
    "UPDATE role_grants SET revoked_at = $2 WHERE member_id = $1 AND revoked_at IS NULL",
    # Their seats go to those who wait, by the next tick.
    """UPDATE class_seats s SET state = 'CANCELLED', cancelled_at = $2 FROM offline_classes c
       WHERE c.id = s.offline_class_id AND s.member_id = $1 AND s.state <> 'CANCELLED' AND c.starts_at > $2""",
    # Pictures of stories that nothing else shows become uploads that nobody finished: their bytes are swept.
    """UPDATE uploads u SET completed_at = NULL, swept_at = NULL,
           expires_at = least(u.expires_at, greatest($2, u.created_at + interval '1 second'))
       FROM story_pictures p WHERE p.media_id = u.id AND u.member_id = $1
         AND NOT EXISTS (SELECT FROM courses c WHERE c.cover_media_id = u.id)
         AND NOT EXISTS (SELECT FROM edition_lessons l WHERE l.media_id = u.id)
         AND NOT EXISTS (SELECT FROM rewards w WHERE w.image_media_id = u.id)""",
)

# $1 the member. Sessions go a month later, with those of everybody; until then sockets learn from them that it is over.
_OWN_DEVICES = "device_id IN (SELECT device_id FROM sessions WHERE member_id = $1)"
_EMPTIED = (
    f"UPDATE sign_in_codes SET device_id = NULL WHERE {_OWN_DEVICES}",  # noqa: S608 - the line above
    f"UPDATE sign_in_failures SET device_id = NULL WHERE {_OWN_DEVICES}",  # noqa: S608
    "UPDATE sessions SET device_id = '', device_name = '' WHERE member_id = $1",
    "DELETE FROM refresh_tokens WHERE session_id = ANY(ARRAY(SELECT id FROM sessions WHERE member_id = $1))",
    "UPDATE course_ratings SET comment = '' WHERE member_id = $1",
    "DELETE FROM course_lecturers WHERE member_id = $1",
    "DELETE FROM course_makers WHERE member_id = $1",
    "UPDATE course_moves SET note = '' WHERE by = $1",
    "DELETE FROM assignments WHERE member_id = $1",
    "UPDATE redemption_steps SET note = '' WHERE redemption_id IN (SELECT id FROM redemptions WHERE member_id = $1)",
    "DELETE FROM notices WHERE member_id = $1",
    "UPDATE live_tickets SET device_id = id::text WHERE member_id = $1",
    "UPDATE live_replay_watches SET due_at = NULL WHERE member_id = $1",
    "UPDATE live_attendances SET excuse = '' WHERE member_id = $1",
    "UPDATE class_attendances SET reason = '', comment = '' WHERE member_id = $1",
    "UPDATE corrections SET reason = '' WHERE member_id = $1",
    "DELETE FROM story_pictures p USING story_entries e WHERE e.id = p.entry_id AND e.member_id = $1",
    "DELETE FROM media_assets a USING uploads u WHERE u.id = a.id AND u.member_id = $1 AND u.completed_at IS NULL",
    # A place in a ranking that is public stays taken; votes and scores that were given stay counted.
    """UPDATE story_entries SET title = '', text = '', note = '',
           status = CASE WHEN position IS NULL THEN 'WITHDRAWN' ELSE status END WHERE member_id = $1""",
    "DELETE FROM story_jurors WHERE member_id = $1",
    "DELETE FROM calendar_feeds WHERE member_id = $1",
    "DELETE FROM live_mutes WHERE member_id = $1",
    "UPDATE uploads SET file_name = 'deleted' WHERE member_id = $1",
)


async def erase(member_id: UUID, phone_index: str, at: datetime) -> None:
    """End posts and roles, and take out name, phone, picture, password, codes, devices, tokens and comments.

    The caller holds the phone's lock and the member's row, and has ended the sessions.
    """
    require_transaction()
    for step in _ENDED:
        await execute(step, member_id, at)
    for step in _EMPTIED:
        await execute(step, member_id)
    for table in ("sign_in_codes", "sign_in_failures"):
        await execute(f"DELETE FROM {table} WHERE phone_index = $1", phone_index)  # noqa: S608 - names from above
    await rows(
        "UPDATE members SET deleted_at = $2, display_name = $3, phone_cipher = NULL, phone_index = NULL,"
        " masked_phone = NULL, password_hash = NULL, avatar_media_id = NULL, hidden_on_boards = true,"
        " last_seen_at = NULL, adult_confirmed_at = NULL WHERE id = $1",
        member_id, at, NOBODY,
    )  # fmt: skip
