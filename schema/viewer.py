"""The signed-in member, seen by themselves: one type, a part from each noun."""

from typing import Self
from uuid import UUID

import strawberry

from schema.accounts import AccountViewer
from schema.badges import BadgesViewer
from schema.ids import encode
from schema.leagues import LeaguesViewer
from schema.learning import LearningViewer
from schema.notices import NoticesViewer
from schema.outlets import OutletViewer
from schema.paths import PathViewer
from schema.points import PointsViewer
from schema.privacy import PrivacyViewer
from schema.reports import ReportsViewer
from schema.rewards import RewardsViewer
from schema.streaks import StreakViewer
from schema.tasks import TasksViewer


@strawberry.type(description="The signed-in member.")
class Viewer(
    AccountViewer,
    OutletViewer,
    PointsViewer,
    LearningViewer,
    PrivacyViewer,
    RewardsViewer,
    StreakViewer,
    NoticesViewer,
    TasksViewer,
    LeaguesViewer,
    PathViewer,
    BadgesViewer,
    ReportsViewer,
):
    id: strawberry.ID = strawberry.field(description="The member's id, wherever that member appears.")

    @classmethod
    def of(cls, member_id: UUID) -> Self:
        return cls(id=encode("Member", member_id), member_id=member_id)
