"""The log of deeds as admins and auditors read it: who did what to what, in a sentence."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Self

import strawberry

from kit.errors import bad_input
from kit.ids import from_global
from kit.words import Language
from models.accounts import members_by_ids
from models.audit import AuditEntry as Row
from models.audit import DeedQuery
from schema.accounts import Member
from schema.context import Info
from schema.ids import decode, encode, row_key
from schema.node import Node

Find = Callable[[Info, str], Awaitable[Node | None]]
"""How `node` finds an object by its global id; given from above, where all nouns are known."""

SUMMARIES: dict[str, tuple[str, str]] = {  # action -> (zh-CN, en); {words} are keys of the entry's details
    "admin.created": ("在命令行设为管理员", "Made an admin from the command line."),
    "badge.created": ("新增了徽章「{title}」", "Declared the badge “{title}”."),
    "board.created": ("新建了光荣榜《{title}》：{board}", "Made the honour board “{title}”: {board}."),
    "class.cancelled": ("取消了线下课《{title}》，原因：{reason}", "Called off the class “{title}”. Reason: {reason}"),
    "class.checked_in_for": (
        "在线下课《{title}》为学员代签，原因：{reason}",
        "Checked a member in at “{title}”. Reason: {reason}",
    ),
    "class.scheduled": ("安排了线下课《{title}》", "Planned the class “{title}”."),
    "class.updated": ("修改了线下课《{title}》", "Changed the class “{title}”."),
    "clerk.added": ("添加了店员", "Added a clerk."),
    "clerk.removed": ("移除了店员", "Removed a clerk."),
    "consent.given": ("同意了{purpose}，第{version}版", "Agreed to {purpose}, version {version}."),
    "consent.withdrawn": ("撤回了对{purpose}的同意，第{version}版", "Took back {purpose}, version {version}."),
    "course.proposed": ("提交了课程选题《{title}》", "Proposed the course “{title}”."),
    "course.changed": ("修改了课程《{title}》：{what}", "Changed the course “{title}”: {what}."),
    "course.moved": (
        "把课程《{title}》第{edition}版从{from}改为{to}：{note}",
        "Moved edition {edition} of the course “{title}” from {from} to {to}: {note}",
    ),
    "course.assigned": (
        "安排{assigned}人学习《{title}》，原因：{reason}",
        "Assigned “{title}” to {assigned} people. Reason: {reason}",
    ),
    "assignment.withdrawn": ("撤回了《{title}》的学习安排", "Withdrew an assignment of “{title}”."),
    "draw.created": ("发起了抽奖《{title}》", "Announced the prize draw “{title}”."),
    "draw.run": ("为抽奖《{title}》开奖", "Drew the winners of “{title}”."),
    "data.export_requested": ("申请导出个人数据", "Asked for an export of the own data."),
    "live_lesson.ended": ("结束了直播", "Ended the live lesson."),
    "live_lesson.key_issued": ("发放了推流密钥", "Issued a stream key for a live lesson."),
    "live_lesson.started": ("开始了直播", "Started the live lesson."),
    "live_member.muted": ("在直播《{title}》中禁言{seconds}秒", "Muted for {seconds} seconds in “{title}”."),
    "live_member.unmuted": ("在直播《{title}》中解除了禁言", "Lifted the muting in “{title}”."),
    "live_message.removed": ("删除了直播《{title}》中的一条发言", "Removed a message from the room of “{title}”."),
    "live_products.set": (
        "设置了直播《{title}》的商品：{products}件",
        "Filled the shelf of “{title}”: {products} products.",
    ),
    "live_room.slowed": (
        "把直播《{title}》的发言间隔设为{seconds}秒",
        "Set the slow mode of “{title}” to {seconds} seconds.",
    ),
    "live_words.changed": (
        "直播敏感词表有变化：现有{words}个词（{checksum}）",
        "The words refused in live rooms have changed: {words} by now ({checksum}).",
    ),
    "live_lesson.cancelled": (
        "取消了直播课《{title}》，共{lessons}场，原因：{reason}",
        "Called off the live lesson “{title}”, {lessons} in all. Reason: {reason}",
    ),
    "live_lesson.rescheduled": (
        "把直播课《{title}》改期，共{lessons}场，本场改到{starts_at}",
        "Moved the live lesson “{title}” to {starts_at}, {lessons} in all.",
    ),
    "live_lesson.scheduled": (
        "安排了直播课《{title}》，共{lessons}场",
        "Scheduled the live lesson “{title}”, {lessons} in all.",
    ),
    "live_lesson.updated": (
        "修改了直播课《{title}》，共{lessons}场",
        "Changed the live lesson “{title}”, {lessons} in all.",
    ),
    "live.excused": ("准许缺席直播课《{title}》，原因：{reason}", "Excused a member from “{title}”. Reason: {reason}"),
    "member.adult_confirmed": ("确认为成年人", "Vouched that the member is an adult."),
    "member.deleted": ("注销了账号", "Deleted the own account."),
    "member.phone_changed": ("更换了手机号", "Changed the own phone number."),
    "member.phone_revealed": ("查看了完整手机号，原因：{reason}", "Was shown the full phone number. Reason: {reason}"),
    "member.suspended": ("停用了账号，原因：{reason}", "Suspended the account. Reason: {reason}"),
    "member.suspension_lifted": ("恢复了账号", "Let the account in again."),
    "outlets.imported": (
        "导入了店铺：新增{created}家，更新{updated}家",
        "Imported outlets: {created} new, {updated} changed.",
    ),
    "points.corrected": (
        "更正了积分{amount}分，其中{written_off}分因可用积分不足而核销，原因：{reason}",
        "Corrected the points by {amount}; the balance lacked {written_off}, written off. Reason: {reason}",
    ),
    "redemption.advanced": ("把兑换单改为{to}", "Moved a redemption to {to}."),
    "regions.imported": (
        "导入了地区：新增{created}个，更新{updated}个",
        "Imported regions: {created} new, {updated} changed.",
    ),
    "path.arranged": (
        "编排了{tier}店的通关路径：{stages}关，第{version}版",
        "Arranged the path of {tier} outlets: {stages} stages, version {version}.",
    ),
    "report.requested": (
        "申请导出{kind}报表（{format}），范围：{region}",
        "Asked for a {format} file of {kind} in {region}.",
    ),
    "reward.created": ("上架了礼品《{title}》", "Put “{title}” on offer."),
    "role.granted": ("授予了角色{role}，范围：{region}", "Gave the role {role} over {region}."),
    "role.revoked": ("收回了角色{role}，范围：{region}", "Took back the role {role} over {region}."),
    "season.started": ("设立了赛季《{title}》：{first}至{last}", "Named the season “{title}”, {first} to {last}."),
    "rule.changed": (
        "把积分规则{code}改为第{version}版，自{effective_from}起生效",
        "Changed the points rule {code} to version {version}, from {effective_from} on.",
    ),
    "session.reused": ("登录凭证被重复使用，会话已结束", "A session's token was used twice; the session was ended."),
    "task.created": ("设置了任务《{title}》", "Set up the task “{title}”."),
    "task.updated": ("修改了任务《{title}》", "Changed the task “{title}”."),
    "story.published": ("通过了一篇征文", "Published a story."),
    "story.refused": ("退回了一篇征文：{note}", "Refused a story: {note}"),
    "story.scored": ("给一篇征文打了{score}分", "Gave a story {score} of 100."),
    "story.withdrawn": ("撤下了一篇征文：{note}", "Took a story out of its contest: {note}"),
    "story_campaign.created": ("发起了征文《{title}》", "Announced the story contest “{title}”."),
    "story_campaign.ranked": (
        "公布了征文《{title}》的名次：作品{stories}篇，奖励{prizes}份",
        "Made the ranking of “{title}” public: {stories} stories, {prizes} prizes.",
    ),
    "suspicion.judged": (
        "处理了{day}的异常学习（{kind}）：{verdict}",
        "Judged the suspicion {kind} of {day}: {verdict}.",
    ),
    "token.denied": ("访问令牌已作废", "An access token that had leaked was refused."),
}
NOTHING = {Language.CHINESE: "全部", Language.ENGLISH: "everything"}
"""What a detail says that is null: no region is everywhere."""


@strawberry.type(description="One deed in the audit log (审计日志), kept for ever.")
class AuditEntry(Node):
    at: datetime = strawberry.field(description="When it was done.")
    action: str = strawberry.field(description="What kind of deed, as member.suspended; for the program.")
    address: str | None = strawberry.field(description="The network address it came from; null if from no request.")
    row: strawberry.Private[Row]
    find: strawberry.Private[Find]

    @classmethod
    def of(cls, row: Row, find: Find) -> Self:
        return cls(
            id=encode("AuditEntry", row.id), at=row.at, action=row.action, address=row.address, row=row, find=find
        )

    @strawberry.field(description="Who did it; null: the server itself, or its command line.")
    async def actor(self, info: Info) -> Member | None:
        actor_id = self.row.actor_id
        row = await info.context.loaders.of(members_by_ids).load(actor_id) if actor_id is not None else None
        return Member.of(row) if row is not None else None

    @strawberry.field(description="What it was done to; null for what cannot be shown, or may not be seen.")
    async def object(self, info: Info) -> Node | None:
        return await self.find(info, encode(self.row.object_type, self.row.object_id))

    @strawberry.field(description="The deed in a sentence, in the language of Accept-Language; no phones.")
    def summary(self, info: Info) -> str:
        return summary_of(self.row, info.context.language)


def summary_of(row: Row, language: Language) -> str:
    """The entry's sentence; the bare action if it is one we have no sentence for (any more)."""
    chinese, english = SUMMARIES.get(row.action, (row.action, row.action))
    sentence = english if language is Language.ENGLISH else chinese
    for key, value in row.details.items():
        sentence = sentence.replace(f"{{{key}}}", NOTHING[language] if value is None else str(value))
    return sentence


@strawberry.input(description="Which deeds; all that is given must hold.")
class AuditFilter:
    actor_id: strawberry.ID | None = strawberry.field(default=None, description="The member who did it.")
    action: str | None = strawberry.field(default=None, description="The kind of deed, exactly.")
    object_id: strawberry.ID | None = strawberry.field(default=None, description="What it was done to, of any type.")
    from_: datetime | None = strawberry.field(default=None, name="from", description="Not before this moment.")
    to: datetime | None = strawberry.field(default=None, description="Before this moment.")

    def plain(self) -> DeedQuery:
        actor = decode(self.actor_id, "Member", "filter", "actorId") if self.actor_id is not None else None
        kind, key = _object(self.object_id) if self.object_id is not None else (None, None)
        return DeedQuery(actor, self.action, kind, row_key(key) if key is not None else None, self.from_, self.to)


def _object(gid: str) -> tuple[str, str]:
    try:
        kind, key = from_global(gid)
    except ValueError as error:
        raise bad_input("filter", "objectId") from error
    if row_key(key) is None:
        raise bad_input("filter", "objectId")
    return kind, key
