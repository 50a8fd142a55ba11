"""What robots say in groups of staff: that a live lesson begins, moves or does not take place.

Each robot has its own row on the way out, so that a group that cannot be reached is tried again by itself.
"""

from datetime import datetime, timedelta

from gamification.titles import moment
from kit.words import Language, LiveStatus
from models.live import LiveLesson
from services.outbox import announce
from services.ports import Ports

HEADS = {
    LiveStatus.LIVE: "直播开始",
    LiveStatus.SCHEDULED: "直播改期",
    LiveStatus.CANCELLED: "直播取消",
    LiveStatus.EXPIRED: "直播未能按时开播",
}
STILL_NEWS = timedelta(hours=2)
SOON = timedelta(days=7)
"""A whole series that moves is said for the coming week alone."""


async def tell_staff(ports: Ports, lesson: LiveLesson) -> None:
    """Have every group hear of the state the lesson is in now; SCHEDULED: of its new time. In the transaction."""
    if lesson.starts_at > ports.clock.now() + SOON:
        return
    until = ports.clock.now() + STILL_NEWS
    text = f"《{lesson.title}》 {moment(lesson.starts_at).text(Language.CHINESE)}"
    for robot in ports.robots:
        await announce(
            "staff",
            f"{lesson.id} {robot.name}"[-80:],
            {"robot": robot.name, "title": HEADS[lesson.status], "text": text, "until": until.isoformat()},
        )


def until_of(payload: dict[str, str]) -> datetime:
    """Until when what was announced is news."""
    return datetime.fromisoformat(payload["until"])
