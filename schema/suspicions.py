"""Suspicious learning as admins see it."""

from datetime import date, datetime
from typing import Self

import strawberry

from kit.clock import ZONE
from kit.words import Language
from models import accounts, suspicions
from schema.accounts import Member
from schema.context import Info
from schema.errors import Payload
from schema.ids import encode
from schema.node import Node
from schema.words import SuspicionKind, SuspicionState, Verdict

SENTENCES: dict[SuspicionKind, tuple[str, str]] = {  # kind -> (zh-CN, en); {words} are keys of the evidence
    SuspicionKind.FASTER_THAN_THE_CLOCK: (
        "{clockSeconds}秒内上报了{watchedSeconds}秒的学习（{from} 至 {to}）",
        "{watchedSeconds} seconds of lessons were reported within {clockSeconds} seconds, from {from} to {to}.",
    ),
    SuspicionKind.SAME_TRACE: (
        "同一课时的{parts}段观看记录，逐秒相同地出现在{devices}台设备、{members}位学员上",
        "The same {parts} parts of a lesson, second for second, came from {devices} devices of {members} members.",
    ),
    SuspicionKind.NIGHT_LONG: (
        "凌晨0点到6点之间学习了{learnedSeconds}秒（{from} 至 {to}）",
        "{learnedSeconds} seconds were learned between midnight and six, from {from} to {to}.",
    ),
    SuspicionKind.SHARED_DEVICE: (
        "同一台设备当天有{members}位学员在学习",
        "{members} members learned on one device that day.",
    ),
    SuspicionKind.ANSWERS_TOO_FAST: (
        "{questions}道题（{characters}字）在{seconds}秒内答完",
        "{questions} questions of {characters} characters were answered within {seconds} seconds.",
    ),
}


@strawberry.type(description="Learning that an admin should look at (异常学习). Nobody is punished by a program alone.")
class Suspicion(Node):
    row: strawberry.Private[suspicions.Suspicion]
    kind: SuspicionKind = strawberry.field(description="What made it suspicious.")
    learned_on: date = strawberry.field(description="The Shanghai day it is about.")
    detected_at: datetime = strawberry.field(description="When it was found.")
    state: SuspicionState = strawberry.field(description="Whether an admin has judged, and how.")
    judged_at: datetime | None = strawberry.field(description="When an admin judged; null before.")

    @classmethod
    def of(cls, row: suspicions.Suspicion) -> Self:
        return cls(
            id=encode("Suspicion", row.id),
            row=row,
            kind=row.kind,
            learned_on=row.day,
            detected_at=row.detected_at,
            state=row.state,
            judged_at=row.judged_at,
        )

    @strawberry.field(description="Whose learning it is; null once they are gone.")
    async def member(self, info: Info) -> Member | None:
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.row.member_id)
        return Member.of(row) if row is not None else None

    @strawberry.field(description="What was seen, in a sentence in the language of Accept-Language.")
    def evidence(self, info: Info) -> str:
        return evidence_of(self.row, info.context.language)

    @strawberry.field(description="The admin who judged; null before.")
    async def judge(self, info: Info) -> Member | None:
        judged_by = self.row.judged_by
        row = await info.context.loaders.of(accounts.members_by_ids).load(judged_by) if judged_by is not None else None
        return Member.of(row) if row is not None else None


def evidence_of(row: suspicions.Suspicion, language: Language) -> str:
    """The sentence for what was seen; times in Shanghai."""
    chinese, english = SENTENCES[row.kind]
    sentence = english if language is Language.ENGLISH else chinese
    for key, value in row.evidence.items():
        sentence = sentence.replace(f"{{{key}}}", _shown(key, value))
    return sentence


def _shown(key: str, value: str | int) -> str:
    if key in ("from", "to"):
        return datetime.fromisoformat(str(value)).astimezone(ZONE).strftime("%H:%M:%S")
    return f"{value:,}" if isinstance(value, int) else str(value)


@strawberry.input(description="What an admin makes of a suspicion.")
class JudgeSuspicionInput:
    id: strawberry.ID = strawberry.field(description="Which suspicion.")
    verdict: Verdict = strawberry.field(description="What it is.")
    reverse: bool = strawberry.field(
        default=False, description="With CONFIRM: take back what the learning of that day has earned."
    )


@strawberry.type(description="What judging a suspicion answers.")
class JudgeSuspicionPayload(Payload):
    suspicion: Suspicion | None = strawberry.field(default=None, description="After the verdict.")
