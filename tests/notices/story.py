"""The operations of the inbox as the apps send them."""

from typing import Any

from kit.db import transaction
from kit.ids import to_global
from kit.words import NoticeKind
from models.accounts import Member
from models.notices import Notice
from services.notices import tell
from services.ports import Ports
from tests.documents import OPERATIONS
from tests.gql import Gql

NOTICES, MARK, REGISTER = (OPERATIONS[name] for name in ("Notices", "MarkNoticesRead", "RegisterPushDevice"))


async def told(ports: Ports, member: Member, level: int = 2) -> str:
    """A notice of a level; its global id."""

    async def work() -> bool:
        return await tell(
            ports, member.id, NoticeKind.LEVEL_REACHED, str(level), {"level": level, "name": level},
            ("Member", member.id),
        )  # fmt: skip

    await transaction(work)
    return to_global("Notice", (await Notice.get(member_id=member.id, key=str(level))).id)


async def inbox(gql: Gql, member: Member, **page: object) -> dict[str, Any]:
    answer = await gql.ask(NOTICES, page, by=member)
    assert "errors" not in answer, answer
    viewer: dict[str, Any] = answer["data"]["viewer"]
    return viewer


async def mark(gql: Gql, member: Member, **fields: object) -> dict[str, Any]:
    payload: dict[str, Any] = (await gql.ask(MARK, {"input": fields}, by=member))["data"]["markNoticesRead"]
    return payload
