"""Offline classes: finding, signing up, checking in, rating; and planning them."""

from datetime import datetime
from typing import Annotated

import strawberry

from kit.words import Role
from models.classes import seats_of_member
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.classes import (
    CancelClassInput,
    CancelClassPayload,
    CheckInForMemberInput,
    CheckInForMemberPayload,
    CheckInToClassInput,
    CheckInToClassPayload,
    ClassAttendance,
    ClassSeat,
    LeaveClassInput,
    LeaveClassPayload,
    OfflineClass,
    RateClassInput,
    RateClassPayload,
    ScheduleClassInput,
    ScheduleClassPayload,
    SignUpForClassInput,
    SignUpForClassPayload,
    UpdateClassInput,
    UpdateClassPayload,
)
from schema.context import Info
from schema.ids import decode, decode_if, row_key
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.points import Award
from services import class_check_in, class_plans, classes


async def offline_class_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(classes.visible_classes, actor).load(row_id)
    return OfflineClass.of(row) if row is not None else None


@strawberry.type
class ClassQueries:
    @strawberry.field(description="Offline classes for the viewer (线下小班), the soonest first; none that is over.")
    async def offline_classes(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        region_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those for regions inside this one.")
        ] = None,
        from_: Annotated[
            datetime | None, strawberry.argument(name="from", description="Only those that end later; default: now.")
        ] = None,
        to: Annotated[datetime | None, strawberry.argument(description="Only those that begin before.")] = None,
    ) -> Connection[OfflineClass] | None:
        actor, ports = viewer(info), info.context.ports
        region = decode(region_id, "Region", "regionId") if region_id is not None else None
        wanted = await classes.wanted_classes(ports, actor, region, from_, to)
        scope = f"offline classes {wanted.under} {from_} {to}"
        return connection(
            info,
            await classes.list_classes(actor, wanted, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=OfflineClass.of,
            key=lambda row: [row.starts_at, row.id],
            count=lambda: classes.count_listed_classes(actor, wanted),
        )

    @strawberry.field(description="One offline class; null for what does not exist or may not be seen.")
    async def offline_class(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Of the class.")]
    ) -> OfflineClass | None:
        actor, row_id = viewer(info), decode_if(id, "OfflineClass")
        [row] = await classes.visible_classes(actor, [row_id]) if row_id is not None else [None]
        return OfflineClass.of(row) if row is not None else None


@strawberry.type
class ClassMutations:
    @mutation(description="Plan an offline class (安排线下课). For admins.")
    async def schedule_class(self, info: Info, input: ScheduleClassInput) -> ScheduleClassPayload:
        actor = staff(info, Role.ADMIN)
        row = await class_plans.schedule_class(info.context.ports, actor, input.plain())
        return ScheduleClassPayload(offline_class=OfflineClass.of(row))

    @mutation(description="Change or move a class that has not begun (改期). For admins.")
    async def update_class(self, info: Info, input: UpdateClassInput) -> UpdateClassPayload:
        actor, class_id = staff(info, Role.ADMIN), decode(input.offline_class_id, "OfflineClass", "offlineClassId")
        row = await class_plans.update_class(info.context.ports, actor, class_id, input.plain())
        return UpdateClassPayload(offline_class=OfflineClass.of(row))

    @mutation(description="Call off a class that has not begun (取消线下课). For admins.")
    async def cancel_class(self, info: Info, input: CancelClassInput) -> CancelClassPayload:
        actor, class_id = staff(info, Role.ADMIN), decode(input.offline_class_id, "OfflineClass", "offlineClassId")
        row = await class_plans.cancel_class(info.context.ports, actor, class_id, input.reason)
        return CancelClassPayload(offline_class=OfflineClass.of(row))

    @mutation(description="Take a seat in a class (报名), or a place in its waitlist, which moves up by itself.")
    async def sign_up_for_class(self, info: Info, input: SignUpForClassInput) -> SignUpForClassPayload:
        actor, class_id = viewer(info), decode(input.offline_class_id, "OfflineClass", "offlineClassId")
        row = await classes.sign_up_for_class(info.context.ports, actor, class_id)
        [seat] = await seats_of_member(actor.member_id, [class_id])
        return SignUpForClassPayload(seat=ClassSeat.of(seat) if seat else None, offline_class=OfflineClass.of(row))

    @mutation(description="Give up a seat or a place in the waitlist (取消报名), before the class begins.")
    async def leave_class(self, info: Info, input: LeaveClassInput) -> LeaveClassPayload:
        actor, class_id = viewer(info), decode(input.offline_class_id, "OfflineClass", "offlineClassId")
        row = await classes.leave_class(info.context.ports, actor, class_id)
        return LeaveClassPayload(offline_class=OfflineClass.of(row))

    @mutation(description="Check in at a class by the code on its screen (扫码签到); again gives the same answer.")
    async def check_in_to_class(self, info: Info, input: CheckInToClassInput) -> CheckInToClassPayload:
        place = input.location.plain() if input.location is not None else None
        found = await class_check_in.check_in_to_class(info.context.ports, viewer(info), input.payload, place)
        awards = [Award.of(each) for each in found.awards]
        return CheckInToClassPayload(attendance=ClassAttendance.of(found.attendance), awards=awards)

    @mutation(description="Check in somebody who came without a phone or a seat (代签). For the trainer and admins.")
    async def check_in_for_member(self, info: Info, input: CheckInForMemberInput) -> CheckInForMemberPayload:
        actor, class_id = viewer(info), decode(input.offline_class_id, "OfflineClass", "offlineClassId")
        member_id = decode(input.member_id, "Member", "memberId")
        row = await class_check_in.check_in_for_member(info.context.ports, actor, class_id, member_id, input.reason)
        return CheckInForMemberPayload(attendance=ClassAttendance.of(row))

    @mutation(description="Say how a class was (评价), for who was there, once it is over.")
    async def rate_class(self, info: Info, input: RateClassInput) -> RateClassPayload:
        actor, class_id = viewer(info), decode(input.offline_class_id, "OfflineClass", "offlineClassId")
        row = await classes.rate_class(info.context.ports, actor, class_id, input.stars, input.comment or "")
        return RateClassPayload(rated=True, offline_class=OfflineClass.of(row))
