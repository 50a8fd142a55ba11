"""Files for staff as clients see them."""

import datetime
from typing import Self

import strawberry

from kit.errors import bad_input, not_found
from kit.ids import from_global
from models import reports
from models.reports import ReportExport as Row
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, encode, row_key
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.viewer_part import ViewerPart
from schema.words import ExportStatus, ReportFormat, ReportKind
from services.exported_files import file_url
from services.reports import WITH_OBJECT, ReportPlan, list_reports, percent_of


@strawberry.type(description="A file that staff have made of what is in their regions (报表导出).")
class ReportExport(Node):
    row: strawberry.Private[Row]
    kind: ReportKind = strawberry.field(description="What it is about.")
    format: ReportFormat = strawberry.field(description="CSV or a workbook.")
    status: ExportStatus = strawberry.field(description="Ask again until it is READY; FAILED: ask for another.")
    progress: int = strawberry.field(description="How far it is made, 0-100; 100 once it is there (进度).")
    rows: int = strawberry.field(description="How many lines there are by now, without the headings (行数).")
    created_at: datetime.datetime = strawberry.field(description="When it was asked for.")
    expires_at: datetime.datetime | None = strawberry.field(description="When it goes: three days after it was made.")
    size_bytes: int | None = strawberry.field(description="Of the file; null before it is made.")

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            id=encode("ReportExport", row.id),
            row=row,
            kind=row.kind,
            format=row.format,
            status=row.status,
            progress=percent_of(row),
            rows=row.rows_made,
            created_at=row.requested_at,
            expires_at=row.expires_at,
            size_bytes=row.size_bytes,
        )

    @strawberry.field(
        description="Where the file is fetched until it expires, while the viewer's roles still open what is in it. "
        "Null unless it is there. Signed: keep it to oneself."
    )
    def url(self, info: Info) -> str | None:
        return file_url(info.context.ports, self.row)


@strawberry.type
class ReportsViewer(ViewerPart):
    @strawberry.field(description="The files the viewer asked for (我的导出), the newest first.")
    async def exports(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[ReportExport] | None:
        scope = f"exports {self.member_id}"
        return connection(
            info,
            await list_reports(self.member_id, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=ReportExport.of,
            key=lambda row: [row.requested_at, row.id],
            count=lambda: reports.count_reports(self.member_id),
        )


@strawberry.input(description="What a file is to be made of.")
class RequestExportInput:
    kind: ReportKind = strawberry.field(description="What it is about.")
    format: ReportFormat = strawberry.field(description="CSV or a workbook.")
    region_id: strawberry.ID | None = strawberry.field(
        default=None, description="With everything below it; all that the viewer's roles open if left out."
    )
    object_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of the type that the kind names; a BOARD needs one."
    )
    from_: datetime.date | None = strawberry.field(
        default=None, name="from", description="The first Shanghai day. POINTS needs it, a BOARD has its own time."
    )
    to: datetime.date | None = strawberry.field(
        default=None, description="The Shanghai day after the last, 400 days later at most; together with `from`."
    )

    def plain(self) -> ReportPlan:
        region_id = decode(self.region_id, "Region", "regionId") if self.region_id is not None else None
        return ReportPlan(self.kind, self.format, region_id, self._object_key(), self.from_, self.to)

    def _object_key(self) -> str | None:
        if self.object_id is None:
            return None
        wanted = WITH_OBJECT.get(self.kind)
        if wanted is None:
            raise bad_input("objectId")
        try:
            found, key = from_global(self.object_id)
        except ValueError as error:
            raise not_found("objectId") from error
        if found != wanted or (wanted != "HonourBoard" and row_key(key) is None):
            raise not_found("objectId")
        return key


@strawberry.type(description="What became of asking for a file.")
class RequestExportPayload(Payload):
    export: ReportExport | None = strawberry.field(
        default=None, description="On its way. LIMIT_REACHED with three on their way, or after thirty on a day."
    )
