"""A station with its shops, a trainer and an admin, and the operations the apps send for classes, by their names."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from kit.clock import FrozenClock
from kit.db import rows
from kit.ids import from_global, to_global
from kit.words import Role
from models.accounts import Member
from models.classes import OfflineClass
from models.outlets import Region
from services.ports import Ports
from tests.gql import Gql
from tests.world import World

STARTS = timedelta(days=2)
LASTS = timedelta(hours=2)
HALL = {"latitude": 23.0, "longitude": 113.7}
NEAR = {"latitude": 23.0026, "longitude": 113.7}
"""289 m to the north of the hall."""
FAR = {"latitude": 23.0028, "longitude": 113.7}
"""311 m."""


class School:
    def __init__(
        self, ports: Ports, gql: Gql, world: World, clock: FrozenClock, station: Region, admin: Member, trainer: Member
    ) -> None:
        self.ports = ports
        self.gql = gql
        self.world = world
        self.clock = clock
        self.station = station
        self.admin = admin
        self.trainer = trainer

    @classmethod
    async def open(cls, ports: Ports, gql: Gql, world: World, clock: FrozenClock) -> "School":
        county = await world.region("溪城区", parent=await world.region("临溪市", parent=await world.region("江东省")))
        station = await world.region("城东服务站", parent=county)
        admin = await world.staff(Role.ADMIN, county)
        return cls(ports, gql, world, clock, station, admin, await world.staff(Role.LECTURER, name="陈老师"))

    async def learner(self, name: str = "阿May", region: Region | None = None) -> Member:
        return await self.world.learner(name, outlet=await self.world.outlet(region=region or self.station))

    def plan(self, **change: object) -> dict[str, Any]:
        starts_at = self.ports.clock.now() + STARTS
        return {
            "title": "陈列实操", "trainerId": to_global("Member", self.trainer.id), "place": "二楼会议室",
            "regionId": to_global("Region", self.station.id), "address": "人民路 1 号", "location": HALL,
            "startsAt": starts_at.isoformat(), "endsAt": (starts_at + LASTS).isoformat(), **change,
        }  # fmt: skip

    async def schedule(self, by: Member | None = None, **change: object) -> dict[str, Any]:
        return await self.do("ScheduleClass", by or self.admin, **self.plan(**change))

    async def scheduled(self, **change: object) -> str:
        """The id of a new class."""
        payload = await self.schedule(**change)
        assert payload["userErrors"] == [], payload
        class_id: str = payload["offlineClass"]["id"]
        return class_id

    async def do(self, operation: str, by: Member, **fields: object) -> dict[str, Any]:
        """The payload of a mutation that met no top-level error."""
        [payload] = (await self.gql.data(operation, {"input": fields}, by=by)).values()
        found: dict[str, Any] = payload
        return found

    async def refused(self, operation: str, by: Member, **fields: object) -> str:
        """The code of the top-level error that a mutation met."""
        answer = await self.gql.run(operation, {"input": fields}, by=by)
        code: str = answer["errors"][0]["extensions"]["code"]
        return code

    async def update(self, class_id: str, by: Member | None = None, **change: object) -> dict[str, Any]:
        source = (
            "mutation ($input: UpdateClassInput!) { updateClass(input: $input) {"
            " offlineClass { title place capacity startsAt seatsLeft } userErrors { code field } } }"
        )
        answer = await self.gql.ask(source, {"input": {"offlineClassId": class_id, **change}}, by=by or self.admin)
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]["updateClass"]
        return found

    async def sign_up(self, by: Member, class_id: str) -> dict[str, Any]:
        return await self.do("SignUpForClass", by, offlineClassId=class_id)

    async def signed_up(self, class_id: str, count: int = 1) -> list[Member]:
        """So many new learners who signed up, in this order."""
        found = [await self.learner(f"学员{self.world.next('pupil')}") for _ in range(count)]
        for each in found:
            assert (await self.sign_up(each, class_id))["userErrors"] == []
        return found

    async def leave(self, by: Member, class_id: str) -> dict[str, Any]:
        return await self.do("LeaveClass", by, offlineClassId=class_id)

    async def cancel(self, class_id: str, reason: str = "讲师生病") -> dict[str, Any]:
        return await self.do("CancelClass", self.admin, offlineClassId=class_id, reason=reason)

    async def begins(self, class_id: str, after: timedelta = timedelta()) -> None:
        """The clock stands at the beginning of the class, or so long after it."""
        self.clock.at = (await self.row(class_id)).starts_at + after

    async def screen(self, class_id: str, by: Member | None = None) -> dict[str, Any] | None:
        """The check-in code as the screen of the class shows it."""
        data = await self.gql.data("ClassCheckInCode", {"id": class_id}, by=by or self.trainer)
        found: dict[str, Any] | None = data["offlineClass"]["checkInCode"]
        return found

    async def payload(self, class_id: str) -> str:
        shown = await self.screen(class_id)
        assert shown is not None
        found: str = shown["payload"]
        return found

    async def check_in(self, by: Member, payload: str, location: dict[str, float] | None = None) -> dict[str, Any]:
        return await self.do("CheckInToClass", by, payload=payload, location=location)

    async def check_in_for(self, class_id: str, member: Member, by: Member | None = None, **more: str) -> Any:
        fields = {
            "offlineClassId": class_id,
            "memberId": to_global("Member", member.id),
            "reason": "手机没电了",
            **more,
        }
        return await self.do("CheckInForMember", by or self.trainer, **fields)

    async def rate(self, by: Member, class_id: str, stars: int = 5, comment: str | None = None) -> dict[str, Any]:
        return await self.do("RateClass", by, offlineClassId=class_id, stars=stars, comment=comment)

    async def listed(self, by: Member, **more: object) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = (await self.gql.data("OfflineClasses", more, by=by))["offlineClasses"]["nodes"]
        return nodes

    async def attendance(self, class_id: str, by: Member | None = None, **more: object) -> Any:
        data = await self.gql.data("ClassAttendance", {"id": class_id, **more}, by=by or self.trainer)
        return data["offlineClass"]["attendance"]

    async def row(self, class_id: str) -> OfflineClass:
        return await OfflineClass.get(id=row_id(class_id))

    async def told(self, by: Member) -> list[tuple[str, str]]:
        """(kind, text) of the member's notices about classes, the newest first."""
        source = "{ viewer { notices { nodes { kind text object { id } } } } }"
        nodes = (await self.gql.ask(source, by=by))["data"]["viewer"]["notices"]["nodes"]
        return [(node["kind"], node["text"]) for node in nodes if node["kind"].startswith("CLASS")]

    async def seats(self, class_id: str) -> dict[UUID, str]:
        """Member -> what became of their sign-up, in order of arrival."""
        found = await rows(
            "SELECT member_id, state FROM class_seats WHERE offline_class_id = $1 ORDER BY arrival", row_id(class_id)
        )
        return {row["member_id"]: row["state"] for row in found}


def row_id(gid: str) -> UUID:
    return UUID(from_global(gid)[1])


def faults(payload: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]
