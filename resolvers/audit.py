"""Reading the log of deeds."""

from typing import Annotated

import strawberry

from kit.words import Role
from resolvers.guard import staff
from resolvers.node import find
from schema.audit import AuditEntry, AuditFilter
from schema.context import Info
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from services import audit


@strawberry.type
class AuditQueries:
    @strawberry.field(
        description="For admins and auditors: what was done in their regions, the latest first (审计日志)."
    )
    async def audit_log(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[AuditFilter | None, strawberry.argument(description="Which of them.")] = None,
    ) -> Connection[AuditEntry] | None:
        actor, wanted = staff(info, Role.ADMIN, Role.AUDITOR), (filter or AuditFilter()).plain()
        scope = f"audit {actor.member_id} {wanted}"
        return connection(
            info,
            await audit.list_deeds(actor, wanted, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=lambda row: AuditEntry.of(row, find),
            key=lambda row: [row.sequence],
            count=lambda: audit.count_deeds(actor, wanted),
        )
