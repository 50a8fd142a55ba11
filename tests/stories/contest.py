"""A contest with its people, and the operations the apps send for it, by their names."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from kit.clock import FrozenClock
from kit.ids import from_global, to_global
from kit.words import Role
from models.accounts import Member
from models.outlets import Region
from models.stories import StoryEntry
from services.ledger import ledger_verify
from services.ports import Ports
from services.prizes import pay_prizes
from services.story_contests import close_story_campaigns
from tests.gql import Gql
from tests.world import World

A_DAY = timedelta(days=1)
OPEN_FOR, JUDGED_FOR = timedelta(days=7), timedelta(days=3)
PLAN: dict[str, Any] = {
    "title": "我的小店故事", "brief": "讲一讲您和街坊的故事。",
    "opensAt": "2026-03-02T04:00:00Z", "closesAt": "2026-03-09T04:00:00Z",
}  # fmt: skip
NOTE = "照片不够清楚，请换一张。"


class Contest:
    """One open campaign, an admin of everywhere, and whoever comes."""

    def __init__(self, ports: Ports, gql: Gql, world: World, admin: Member, campaign_id: str) -> None:
        self.ports = ports
        self.gql = gql
        self.world = world
        self.admin = admin
        self.id = campaign_id

    @classmethod
    async def open(
        cls, ports: Ports, gql: Gql, world: World, jury: Sequence[Member] = (), **change: object
    ) -> "Contest":
        admin = await world.staff(Role.ADMIN)
        contest = cls(ports, gql, world, admin, "")
        contest.id = (await contest.announce(jury, **change))["campaign"]["id"]
        return contest

    async def announce(self, jury: Sequence[Member] = (), **change: object) -> dict[str, Any]:
        """The payload of a new campaign."""
        jury_ids = [to_global("Member", each.id) for each in jury]
        return await self.do("CreateStoryCampaign", self.admin, **{**PLAN, "juryIds": jury_ids, **change})

    async def do(self, operation: str, by: Member, **fields: object) -> dict[str, Any]:
        """The payload of a mutation that met no top-level error."""
        [payload] = (await self.gql.data(operation, {"input": fields}, by=by)).values()
        found: dict[str, Any] = payload
        return found

    async def author(self, name: str = "阿May", region: Region | None = None) -> Member:
        return await self.world.learner(name, outlet=await self.world.outlet(region=region))

    async def submit(self, by: Member, title: str = "雨夜的灯", pictures: Sequence[UUID] = (), **change: object) -> Any:
        fields = {
            "campaignId": self.id, "title": title, "text": "那天雨很大，灯一直亮着。",
            "imageMediaIds": [to_global("Media", each) for each in pictures], **change,
        }  # fmt: skip
        return await self.do("SubmitStory", by, **fields)

    async def review(self, entry_id: str, verdict: str = "PUBLISH", by: Member | None = None, **more: object) -> Any:
        note = {} if verdict == "PUBLISH" else {"note": NOTE}
        return await self.do("ReviewStory", by or self.admin, entryId=entry_id, verdict=verdict, **{**note, **more})

    async def published(self, by: Member | None = None, title: str = "雨夜的灯", pictures: Sequence[UUID] = ()) -> str:
        """The id of a published entry."""
        payload = await self.submit(by or await self.author(), title, pictures)
        assert payload["userErrors"] == [], payload
        entry_id: str = payload["entry"]["id"]
        assert (await self.review(entry_id))["userErrors"] == []
        return entry_id

    async def vote(self, by: Member, entry_id: str) -> Any:
        return await self.do("VoteForStory", by, entryId=entry_id)

    async def voted(self, entry_id: str, times: int) -> None:
        """So many members, each of them new, vote for the entry."""
        for _ in range(times):
            assert (await self.vote(await self.author("街坊"), entry_id))["userErrors"] == []

    async def score(self, by: Member, entry_id: str, score: int) -> Any:
        return await self.do("ScoreStory", by, entryId=entry_id, score=score)

    async def entries(self, by: Member, **more: object) -> Any:
        return (await self.gql.data("StoryEntries", {"campaignId": self.id, **more}, by=by))["storyEntries"]

    async def seen(self, by: Member) -> Any:
        """The campaign as it is listed."""
        nodes = (await self.gql.data("StoryCampaigns", by=by))["storyCampaigns"]["nodes"]
        return next(node for node in nodes if node["id"] == self.id)

    async def row(self, entry_id: str) -> StoryEntry:
        return await StoryEntry.get(id=row_id(entry_id))

    async def ends(self, clock: FrozenClock) -> None:
        """Closing, judging and the ranking are over, and prizes are paid."""
        clock.advance(OPEN_FOR + JUDGED_FOR)
        await close_story_campaigns(self.ports)
        await pay_prizes(self.ports)

    async def told(self, by: Member) -> list[tuple[str, str]]:
        """(kind, text) of the member's notices about stories, the newest first."""
        source = "{ viewer { notices { nodes { kind text object { id } } } } }"
        nodes = (await self.gql.ask(source, by=by))["data"]["viewer"]["notices"]["nodes"]
        return [(node["kind"], node["text"]) for node in nodes if node["kind"].startswith(("STORY", "CONTEST"))]

    async def books_are_clean(self) -> None:
        assert await ledger_verify() == []


def row_id(gid: str) -> UUID:
    return UUID(from_global(gid)[1])


def faults(payload: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]
