"""What lecturers get credit for, as clients see it."""

from typing import Self

import strawberry

from models import accounts
from schema.accounts import Member
from schema.context import Info
from schema.courses import CourseRating
from services import lecturers


@strawberry.type(description="How what a lecturer made is received (讲师成绩); `CourseFilter.lecturerId` lists it.")
class LecturerCredit:
    row: strawberry.Private[lecturers.LecturerCredit]
    course_count: int = strawberry.field(description="Published courses that name them; retired ones stay counted.")
    view_count: int = strawberry.field(description="Learners who began one, summed over the courses.")
    completion_count: int = strawberry.field(description="Learners who completed one, summed over the courses.")
    rating: CourseRating = strawberry.field(description="All opinions of all of them together.")

    @classmethod
    def of(cls, row: lecturers.LecturerCredit) -> Self:
        credit = row.credit
        average = round(credit.rating_sum / credit.rating_count, 2) if credit.rating_count else None
        return cls(
            row=row,
            course_count=credit.courses,
            view_count=credit.views,
            completion_count=credit.completions,
            rating=CourseRating(average=average, count=credit.rating_count),
        )

    @strawberry.field(description="Whose it is.")
    async def member(self, info: Info) -> Member | None:
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.row.member_id)
        return Member.of(row) if row is not None else None
