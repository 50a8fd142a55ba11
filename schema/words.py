"""The closed lists of `kit/words.py`, made GraphQL enums. Types and inputs import them from here."""

import strawberry

from kit.errors import ErrorCode
from kit.words import (
    BoardMetric,
    BoardPeriod,
    BoardPhase,
    BoardSubjectKind,
    CourseForm,
    CourseKind,
    CourseSort,
    CourseStatus,
    EventStatus,
    OncePer,
    OutletTier,
    PointAccount,
    PostRole,
    ProgressKind,
    ProgressState,
    RefusalReason,
    RegionKind,
    Role,
)

__all__ = [
    "BoardMetric",
    "BoardPeriod",
    "BoardPhase",
    "BoardSubjectKind",
    "CourseForm",
    "CourseKind",
    "CourseSort",
    "CourseStatus",
    "ErrorCode",
    "EventStatus",
    "OncePer",
    "OutletTier",
    "PointAccount",
    "PostRole",
    "ProgressKind",
    "ProgressState",
    "RefusalReason",
    "RegionKind",
    "Role",
]

# An enum class is marked in place, so the name imported here is the plain class and mypy knows its members.
strawberry.enum(ErrorCode)
strawberry.enum(Role)
strawberry.enum(RegionKind)
strawberry.enum(OutletTier)
strawberry.enum(PostRole)
strawberry.enum(CourseForm)
strawberry.enum(CourseKind)
strawberry.enum(CourseStatus)
strawberry.enum(CourseSort)
strawberry.enum(ProgressState)
strawberry.enum(ProgressKind)
strawberry.enum(EventStatus)
strawberry.enum(PointAccount)
strawberry.enum(OncePer, description="What one award of a rule is for.")
strawberry.enum(RefusalReason, description="Why an award was not paid in full.")
strawberry.enum(BoardMetric)
strawberry.enum(BoardPeriod)
strawberry.enum(BoardPhase)
strawberry.enum(BoardSubjectKind)
