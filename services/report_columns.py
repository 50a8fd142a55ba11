"""What the columns of a file are called, and how the closed lists in them are written, in both languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kit.words import Language, ReportKind
from services.sheets import Cell

Words = Mapping[Any, tuple[str, str]]
"""Value -> (zh-CN, en)."""

TIERS: Words = {
    "NEW": ("新店", "New"), "ORDINARY": ("普通终端", "Ordinary"), "MODERN": ("现代终端", "Modern"),
    "PARTNER": ("合作终端", "Partner"),
}  # fmt: skip
POSTS: Words = {"OWNER": ("店主", "Owner"), "CLERK": ("店员", "Clerk")}
STATES: Words = {"DONE": ("已完成", "Done"), "RUNNING": ("进行中", "In time"), "OVERDUE": ("逾期", "Overdue")}
REDEMPTIONS: Words = {
    "REQUESTED": ("待审核", "Requested"), "APPROVED": ("已通过", "Approved"), "SHIPPED": ("已发货", "Shipped"),
    "DELIVERED": ("已领取", "Delivered"), "CANCELLED": ("已取消", "Cancelled"),
}  # fmt: skip
OUTCOMES: Words = {
    "PRESENT": ("出席", "Present"), "LATE": ("迟到", "Late"), "PARTIAL": ("部分出席", "In part"),
    "ABSENT": ("缺席", "Absent"), "EXCUSED": ("请假", "Excused"), "REPLAY": ("回看", "By replay"),
}  # fmt: skip
YES: Words = {True: ("是", "Yes"), False: ("否", "No")}


@dataclass(frozen=True, slots=True)
class Column:
    chinese: str
    english: str
    words: Words = field(default_factory=dict)

    def heading(self, language: Language) -> str:
        return self.english if language is Language.ENGLISH else self.chinese


NAME, SHOP_CODE, SHOP = Column("姓名", "Name"), Column("门店编码", "Outlet code"), Column("门店", "Outlet")
REGION, TIER = Column("区域", "Region"), Column("门店类型", "Tier", TIERS)

COLUMNS: dict[ReportKind, tuple[Column, ...]] = {
    ReportKind.MEMBERS: (
        NAME, Column("手机号", "Phone"), SHOP_CODE, SHOP, REGION, TIER, Column("岗位", "Post", POSTS),
        Column("任职时间", "Since"), Column("注册时间", "Joined"), Column("最近登录", "Last seen"),
        Column("累计积分", "Lifetime points"), Column("可用积分", "Balance"), Column("停用时间", "Suspended"),
    ),
    ReportKind.POINTS: (
        Column("发生时间", "When"), NAME, SHOP_CODE, SHOP, REGION, TIER, Column("规则", "Rule"),
        Column("积分", "Points"), Column("撤销", "Taken back", YES), Column("入账时间", "Booked"),
    ),
    ReportKind.REDEMPTIONS: (
        Column("兑换时间", "When"), Column("兑换码", "Code"), Column("礼品", "Reward"), Column("积分", "Points"),
        Column("状态", "State", REDEMPTIONS), NAME, REGION, Column("最近更新", "Last change"),
    ),
    ReportKind.ASSIGNMENTS: (
        Column("课程", "Course"), SHOP_CODE, SHOP, REGION, NAME, Column("截止时间", "Due"),
        Column("状态", "State", STATES), Column("开始时间", "Begun"), Column("完成时间", "Completed"),
    ),
    ReportKind.CLASS_ATTENDANCE: (
        Column("开课时间", "Begins"), Column("小班", "Class"), Column("地点", "Place"),
        Column("小班区域", "Region of the class"), Column("培训师", "Trainer"), NAME, SHOP_CODE, SHOP, REGION,
        Column("出勤", "Attendance", OUTCOMES), Column("签到时间", "Checked in"), Column("代签人", "Checked in by"),
        Column("评分", "Stars"),
    ),
    ReportKind.LIVE_ATTENDANCE: (
        Column("开播时间", "Begins"), Column("直播课", "Live lesson"), Column("直播区域", "Region of the lesson"),
        Column("讲师", "Host"), NAME, SHOP_CODE, SHOP, REGION, Column("出勤", "Attendance", OUTCOMES),
        Column("观看秒数", "Seconds there"), Column("观看比例", "Percent"), Column("应答签到", "Check-ins answered"),
        Column("首次进入", "First joined"), Column("最后离开", "Last left"),
    ),
    ReportKind.BOARD: (
        Column("名次", "Rank"), Column("位置", "Position"), Column("名称", "Name"), SHOP, Column("得分", "Score"),
        Column("达到时间", "Reached"),
    ),
}  # fmt: skip


def worded(kind: ReportKind, language: Language, row: Sequence[Cell]) -> Sequence[Cell]:
    """The row with the values of closed lists in words."""
    at = 1 if language is Language.ENGLISH else 0
    return [
        column.words[cell][at] if column.words and cell in column.words else cell
        for column, cell in zip(COLUMNS[kind], row, strict=True)
    ]
