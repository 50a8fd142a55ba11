"""The notice inbox and the phones to push to, as clients see them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from models import notices
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode_each, encode
from schema.node import Node
from schema.notice_kinds import link_of, text_of, title_of
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.profiles import figures
from schema.viewer_part import ViewerPart
from schema.words import NoticeKind, PushProvider

if TYPE_CHECKING:
    from schema.viewer import Viewer


@strawberry.type(description="Something the viewer was told in the app (消息).")
class Notice(Node):
    row: strawberry.Private[notices.Notice]
    kind: NoticeKind = strawberry.field(description="What it is about, for the program.")
    link: str = strawberry.field(description="Where it leads to: a path in the app, as /levels.")
    created_at: datetime = strawberry.field(description="When it came.")
    read_at: datetime | None = strawberry.field(description="When it was first marked read; null: not yet.")

    @classmethod
    def of(cls, row: notices.Notice) -> Self:
        kind = NoticeKind(row.kind)
        about = encode(row.object_type, row.object_id) if row.object_type is not None else None
        return cls(
            id=encode("Notice", row.id),
            row=row,
            kind=kind,
            link=link_of(kind, about),
            created_at=row.created_at,
            read_at=row.read_at,
        )

    @strawberry.field(description="A headline, in the language of Accept-Language.")
    def title(self, info: Info) -> str:
        return title_of(self.kind, self.row.details, info.context.language)

    @strawberry.field(description="A sentence or two, in the language of Accept-Language.")
    def text(self, info: Info) -> str:
        return text_of(self.kind, self.row.details, info.context.language)

    @strawberry.field(description="What it is about; null if nothing, or once the viewer may no longer see it.")
    async def object(self, info: Info) -> Node | None:
        if self.row.object_type is None:
            return None
        return await info.context.find(info, encode(self.row.object_type, self.row.object_id))


@strawberry.type
class NoticesViewer(ViewerPart):
    @strawberry.field(description="What the viewer was told, the newest first; gone half a year after it was read.")
    async def notices(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Notice] | None:
        member_id = self.member_id
        scope = f"notices of {member_id}"
        return connection(
            info,
            await notices.notices_of(member_id, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=Notice.of,
            key=lambda row: [row.created_at, row.id],
            count=lambda: notices.count_notices(member_id),
        )

    @strawberry.field(description="How many notices are not read yet; at 999 it stops counting (未读消息).")
    async def unread_notice_count(self, info: Info) -> int | None:
        return (await figures(info, self.member_id)).unread_notices


@strawberry.input(description="Notices that were read: those named, or all up to a moment; one of the two.")
class MarkNoticesReadInput:
    notice_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="At most 100 notices.")
    up_to: datetime | None = strawberry.field(
        default=None, description="All that came no later, as `createdAt` of the newest one shown."
    )

    def ids(self) -> list[UUID] | None:
        return decode_each(self.notice_ids, "Notice", "noticeIds") if self.notice_ids is not None else None


@strawberry.type(description="What became of MarkNoticesReadInput.")
class MarkNoticesReadPayload(Payload):
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = strawberry.field(
        default=None, description="The viewer with what is left unread."
    )


@strawberry.input(description="Where this phone can be pushed to; sent on every start of the app.")
class RegisterPushDeviceInput:
    device_id: str = strawberry.field(description="Made once per installation, as for signing in; 1-64 characters.")
    provider: PushProvider = strawberry.field(description="Who gave the token.")
    token: str = strawberry.field(description="The provider's name for this phone; 1-512 printable ASCII characters.")


@strawberry.type(description="What became of RegisterPushDeviceInput.")
class RegisterPushDevicePayload(Payload):
    registered: bool | None = strawberry.field(default=None, description="True: kept until the session ends.")
