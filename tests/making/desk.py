"""Makers and reviewers at work, in the words of the apps' own operations and some of ours."""

from datetime import timedelta
from typing import Any

from kit.ids import to_global
from kit.words import Role
from models.accounts import Member
from models.courses import MediaAsset
from models.uploads import Upload
from tests.gql import Gql
from tests.world import World

SHOWN = "id status version title edition publishedAt lessons { id position title durationSeconds }"
HISTORY = "history { edition from to at by { displayName } note }"
DRAFT = "draft { status title tags lessons { id position title durationSeconds } }"
CHANGES = {
    "createCourse": f"course {{ {SHOWN} {HISTORY} team {{ part member {{ displayName }} }} pointsProposed }}",
    "updateCourse": f"course {{ {SHOWN} {DRAFT} team {{ part member {{ displayName }} }} }}",
    "discardCourseDraft": f"course {{ {SHOWN} {DRAFT} }}",
    "addLesson": "lesson { id position title durationSeconds }",
    "updateLesson": "lesson { id position title durationSeconds }",
    "removeLesson": f"course {{ {SHOWN} }}",
    "reorderLessons": f"course {{ {SHOWN} }}",
    "moveCourse": f"course {{ {SHOWN} {HISTORY} {DRAFT} }}",
    "assignCourse": "assigned",
    "withdrawAssignment": "assignment { id withdrawnAt }",
}


class Desk:
    """Somebody who makes, reviews or looks at courses."""

    def __init__(self, gql: Gql, member: Member) -> None:
        self.gql = gql
        self.member = member

    async def send(self, name: str, **fields: object) -> dict[str, Any]:
        """The payload, or {"refused": code} for an error at the top."""
        kind = name[0].upper() + name[1:]
        selection = f"{CHANGES[name]} userErrors {{ code field }}"
        source = f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ {selection} }} }}"
        answer = await self.gql.ask(source, {"input": fields}, by=self.member)
        if "errors" in answer:
            return {"refused": answer["errors"][0]["extensions"]["code"]}
        found: dict[str, Any] = answer["data"][name]
        return found

    async def do(self, name: str, **fields: object) -> Any:
        """What a mutation shows beside its userErrors, of which there are none."""
        payload = await self.send(name, **fields)
        assert payload.get("userErrors") == [], payload
        return next(value for key, value in payload.items() if key != "userErrors")

    async def course(self, gid: str, selection: str = f"{SHOWN} {HISTORY} {DRAFT}") -> Any:
        answer = await self.gql.ask(
            f"query ($id: ID!) {{ course(id: $id) {{ {selection} }} }}", {"id": gid}, by=self.member
        )
        assert "errors" not in answer, answer
        return answer["data"]["course"]

    async def listed(self, **wanted: object) -> list[str]:
        """The titles of a list, or the code of why there is none."""
        source = "query ($filter: CourseFilter) { courses(filter: $filter) { totalCount nodes { title } } }"
        answer = await self.gql.ask(source, {"filter": wanted}, by=self.member)
        if "errors" in answer:
            return [answer["errors"][0]["extensions"]["code"]]
        found = answer["data"]["courses"]
        assert found["totalCount"] == len(found["nodes"])
        return [each["title"] for each in found["nodes"]]


def fault(code: str, *field: str) -> list[dict[str, object]]:
    return [{"code": code, "field": list(field) or None}]


class Studio:
    """A maker with a script of their own, and an admin of the region who reviews it."""

    def __init__(self, world: World, gql: Gql, maker: Member, reviewer: Member, module: str) -> None:
        self.world, self.gql, self.module = world, gql, module
        self.maker, self.reviewer = Desk(gql, maker), Desk(gql, reviewer)

    @classmethod
    async def opened(cls, world: World, gql: Gql) -> "Studio":
        region = await world.region()
        maker = await world.learner("小林", outlet=await world.outlet(region=await world.region(parent=region)))
        module = to_global("Module", (await world.module()).id)
        return cls(world, gql, maker, await world.staff(Role.ADMIN, region, "审核员"), module)

    def proposal(self, **other: object) -> dict[str, object]:
        plain = {
            "code": f"P-{self.world.next('proposal')}", "title": "雨天陈列", "moduleId": self.module, "form": "VIDEO",
            "kind": "ELECTIVE",
        }  # fmt: skip
        return {**plain, **other}

    async def film(self, seconds: int = 60, *, by: Member | None = None, kind: str = "VIDEO") -> str:
        """The global id of a film that a maker has uploaded and that was probed."""
        asset, now = await self.world.media(seconds), self.world.ports.clock.now()
        await MediaAsset.filter(id=asset.id).update(kind=kind)
        await Upload.create(
            id=asset.id, member_id=(by or self.maker.member).id, file_name="片.mp4", content_type="video/mp4",
            size_bytes=asset.size_bytes, sha256=asset.sha256, created_at=now, attempts=1, received_attempt=1,
            expires_at=now + timedelta(hours=2), completed_at=now,
        )  # fmt: skip
        return to_global("Media", asset.id)

    async def proposed(self, *, lessons: int = 1, **other: object) -> str:
        """The global id of a draft with lessons of a minute."""
        made = await self.maker.do("createCourse", **self.proposal(**other))
        for number in range(1, lessons + 1):
            await self.maker.do("addLesson", courseId=made["id"], title=f"第{number}课", mediaId=await self.film())
        gid: str = made["id"]
        return gid

    async def published(self, *, lessons: int = 1, **other: object) -> str:
        gid = await self.proposed(lessons=lessons, **other)
        await self.maker.do("moveCourse", courseId=gid, to="IN_REVIEW")
        await self.reviewer.do("moveCourse", courseId=gid, to="PUBLISHED")
        return gid
