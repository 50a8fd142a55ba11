"""What follows from a member's points and facts as soon as they are written: levels, each told once, and badges."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from gamification.levels import Level, levels_between
from kit.words import BadgeMeasure, NoticeKind
from models import ledger
from models.points import PointAccountRow
from services.badges import earn_badges
from services.notices import Tidings, tell_each
from services.ports import Ports


@dataclass(frozen=True, slots=True)
class Growth:
    """Levels never held before, the lowest first, and the badges earned."""

    level_ups: tuple[Level, ...]
    badge_ids: tuple[UUID, ...]


async def grow(ports: Ports, account: PointAccountRow, measures: Sequence[BadgeMeasure]) -> Growth:
    """Save the account that the caller has locked and changed, and give what it has reached; by these measures."""
    level_ups = levels_between(account.top_level, account.lifetime)
    account.top_level += len(level_ups)
    await ledger.save_account(account)
    tidings = [
        Tidings(account.member_id, str(level.number), {"level": level.number, "name": level.number})
        for level in level_ups
    ]
    await tell_each(ports, NoticeKind.LEVEL_REACHED, tidings)
    return Growth(level_ups, tuple(await earn_badges(ports, account.member_id, measures)))
