"""The closed lists of `kit/words.py` as GraphQL enums. Types and inputs import them from here."""

import strawberry

from kit import errors, words

ErrorCode = strawberry.enum(errors.ErrorCode, description="Why something was refused. Codes are added, never renamed.")
Role = strawberry.enum(words.Role)
RegionKind = strawberry.enum(words.RegionKind)
OutletTier = strawberry.enum(words.OutletTier)
PostRole = strawberry.enum(words.PostRole)
CourseForm = strawberry.enum(words.CourseForm)
CourseKind = strawberry.enum(words.CourseKind)
CourseStatus = strawberry.enum(words.CourseStatus)
CourseSort = strawberry.enum(words.CourseSort)
ProgressState = strawberry.enum(words.ProgressState)
ProgressKind = strawberry.enum(words.ProgressKind)
PointAccount = strawberry.enum(words.PointAccount)
BoardMetric = strawberry.enum(words.BoardMetric)
BoardPeriod = strawberry.enum(words.BoardPeriod)
BoardPhase = strawberry.enum(words.BoardPhase)
BoardSubjectKind = strawberry.enum(words.BoardSubjectKind)
