"""Suspicious learning: for admins to look at and to judge."""

from typing import Annotated

import strawberry

from kit.words import Role
from resolvers.guard import staff
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import decode, row_key
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.suspicions import JudgeSuspicionInput, JudgeSuspicionPayload, Suspicion
from schema.words import SuspicionState
from services import suspicions


async def suspicion_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(suspicions.visible_suspicions, actor).load(row_id)
    return Suspicion.of(row) if row is not None else None


@strawberry.type
class SuspicionQueries:
    @strawberry.field(description="For admins and auditors: suspicious learning in their regions, the newest first.")
    async def suspicious_learning(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        state: Annotated[SuspicionState | None, strawberry.argument(description="Only those in this state.")] = None,
    ) -> Connection[Suspicion] | None:
        actor = staff(info, Role.ADMIN, Role.AUDITOR)
        scope = f"suspicious learning {actor.member_id} {state}"
        return connection(
            info,
            await suspicions.list_suspicions(actor, state, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=Suspicion.of,
            key=lambda row: [row.detected_at, row.id],
            count=lambda: suspicions.count_listed_suspicions(actor, state),
        )


@strawberry.type
class SuspicionMutations:
    @mutation(description="For admins: clear or confirm a suspicion of their regions, never one about oneself.")
    async def judge_suspicion(self, info: Info, input: JudgeSuspicionInput) -> JudgeSuspicionPayload:
        actor, suspicion_id = staff(info, Role.ADMIN), decode(input.id, "Suspicion", "id")
        row = await suspicions.judge_suspicion(
            info.context.ports, actor, suspicion_id, input.verdict, reverse=input.reverse
        )
        return JudgeSuspicionPayload(suspicion=Suspicion.of(row))
