"""Courses that the demo's lecturers are making: one that waits for a reviewer, and one that is half done."""

from dataclasses import dataclass

from kit.words import CourseForm, CourseKind, CoursePart, CourseStatus


@dataclass(frozen=True, slots=True)
class SeedProposal:
    """`lessons`: title and script; the first `filmed` have a film. `team`: number of a lecturer and their part."""

    code: str
    title: str
    summary: str
    tags: tuple[str, ...]
    module: str
    status: CourseStatus
    lessons: tuple[tuple[str, str], ...]
    filmed: int
    team: tuple[tuple[int, CoursePart], ...]
    form: CourseForm = CourseForm.VIDEO
    kind: CourseKind = CourseKind.ELECTIVE


PROPOSALS = (
    SeedProposal(
        "rainy-days", "梅雨天的三个小动作", "下雨天客人少，货架更要看得见、摸得着、拿得走。", ("雨天", "陈列"),
        "display", CourseStatus.IN_REVIEW,
        (("门口先收伞", "一只桶、一块垫，客人进门不湿脚。"), ("雨具放手边", "雨伞雨衣摆在收银台一米之内。"),
         ("热饮往前挪", "热饮和方便食品换到进门第一眼。")),
        3, ((1, CoursePart.SCRIPT), (2, CoursePart.FOOTAGE), (3, CoursePart.EDIT)),
    ),
    SeedProposal(
        "first-order", "第一次用手机订货", "从打开页面到确认收货，一步一步跟着做。", ("订货",),
        "ordering", CourseStatus.DRAFT,
        (("找到要订的货", "先看库存，再看上周卖了多少。"), ("下单和改单", "当天下午四点前都能改。")),
        1, ((1, CoursePart.SCRIPT), (1, CoursePart.EDIT)),
    ),
)  # fmt: skip
