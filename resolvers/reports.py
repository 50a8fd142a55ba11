"""Files for staff: asked for, and found again."""

import strawberry

from kit.words import Role
from resolvers.guard import staff
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import row_key
from schema.node import Node
from schema.reports import ReportExport, RequestExportInput, RequestExportPayload
from services import reports


async def report_export_node(info: Info, key: str) -> Node | None:
    """One's own only."""
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(reports.own_reports, actor).load(row_id)
    return ReportExport.of(row) if row is not None else None


@strawberry.type
class ReportMutations:
    @mutation(description="For admins and auditors: have a file made (导出报表) of what is in their regions.")
    async def request_export(self, info: Info, input: RequestExportInput) -> RequestExportPayload:
        actor = staff(info, Role.ADMIN, Role.AUDITOR)
        report = await reports.request_report(info.context.ports, actor, input.plain(), info.context.language)
        return RequestExportPayload(export=ReportExport.of(report))
