"""Errors as clients read them: a code for the program, a sentence for the person."""

from typing import Self

import strawberry

from kit.errors import DomainError
from kit.errors import ErrorCode as Code
from kit.metrics import counted
from kit.words import Language
from schema.words import ErrorCode

MESSAGES: dict[Code, tuple[str, str]] = {  # (zh-CN, en)
    Code.UNAUTHENTICATED: ("登录已失效，请重新登录", "Please sign in again."),
    Code.FORBIDDEN: ("您还没有这项权限，请联系管理员", "You may not do this. Please ask an administrator."),
    Code.THROTTLED: ("操作太频繁，请稍后再试", "Too many requests. Please try again later."),
    Code.QUERY_TOO_COMPLEX: ("一次查看的内容太多，请分次查看", "This is too much at once. Please take it in parts."),
    Code.PERSISTED_QUERY_NOT_FOUND: ("请更新应用后再试", "Please update the app and try again."),
    Code.UNAVAILABLE: ("服务繁忙，请稍后再试", "The service is busy. Please try again in a moment."),
    Code.INTERNAL: ("出了点问题，我们会尽快处理", "Something went wrong on our side."),
    Code.NOT_FOUND: ("没有找到", "Not found."),
    Code.BAD_USER_INPUT: ("填写的内容不正确", "This value is not valid."),
    Code.CONFLICT: ("内容已被他人修改，请刷新后再试", "This has changed meanwhile. Please reload and try again."),
    Code.CODE_WRONG: ("验证码不正确", "The code is wrong."),
    Code.CODE_EXPIRED: ("验证码已过期，请重新获取", "The code has expired. Please ask for a new one."),
    Code.CREDENTIALS_WRONG: ("手机号或密码不正确", "The phone number or password is wrong."),
    Code.CAPTCHA_REQUIRED: ("请先完成安全验证", "Please prove that you are a person."),
    Code.SESSION_EXPIRED: ("登录已过期，请重新登录", "Your session has expired. Please sign in again."),
    Code.SESSION_REUSED: ("为了账号安全，请重新登录", "To keep your account safe, please sign in again."),
    Code.LESSON_LOCKED: ("请先完成前面的课时", "Please complete the lesson before this one first."),
    Code.LESSON_UNAVAILABLE: ("课时不存在或已下架", "This lesson is not available."),
    Code.SPAN_IMPOSSIBLE: ("学习记录与课时不符，未计入", "This does not fit the lesson and was not counted."),
    Code.TIME_IN_FUTURE: (
        "学习时间晚于当前，请检查手机时间",
        "The time lies in the future. Please check the phone's clock.",
    ),
    Code.TOO_LATE: ("学习记录时间太早，不再计入", "This is too old and no longer counts."),
    Code.TOO_FAST: (
        "已收到，其余部分稍后自动计入",
        "Received. The rest is credited later, by itself.",
    ),
    Code.EVENT_ID_REUSED: (
        "这条学习记录与之前的不一致，未计入",
        "This differs from what was sent before and was not counted.",
    ),
    Code.BATCH_TOO_LARGE: ("一次提交的记录太多", "Too many at once."),
    Code.IDEMPOTENCY_KEY_REUSED: (
        "内容与之前提交的不一致，请重新操作",
        "This differs from what was sent before. Please start again.",
    ),
    Code.BALANCE_TOO_LOW: ("积分不足", "You do not have enough points."),
    Code.OUT_OF_STOCK: ("已被领完", "Out of stock."),
    Code.LIMIT_REACHED: ("已达到上限", "The limit is reached."),
    Code.NOT_OPEN: ("还没有开始", "Not open yet."),
    Code.CLOSED: ("已经结束", "Already closed."),
    Code.FULL: ("名额已满", "All places are taken."),
    Code.HOST_BUSY: ("主讲人该时段已有安排", "The host is busy at that time."),
    Code.STATE_FORBIDS: (
        "现在还不能这样做，请刷新后再看",
        "This is not possible right now. Please reload and look again.",
    ),
    Code.ALREADY_DONE: ("已经完成过了", "This has been done already."),
    Code.UPLOAD_INVALID: ("上传的文件不符合要求", "The uploaded file is not acceptable."),
    Code.ADULTS_ONLY: (
        "仅限已确认成年的学员，请联系管理员确认",
        "For confirmed adults. Please ask an administrator to confirm you.",
    ),
    Code.MUTED: ("您暂时不能在直播间发言", "You cannot speak in this room for a while."),
    Code.WORD_REFUSED: (
        "内容含有不适合的词语，请修改后再发",
        "This holds a word that is not said here. Please change it.",
    ),
    Code.TOO_FAR: (
        "您离上课地点太远，到现场后再扫码，或请讲师代签",
        "You are too far away. Scan it at the class, or ask the trainer.",
    ),
}


def message_of(code: Code, language: Language) -> str:
    """The sentence for a code. Batch results and userErrors show it; logs never need it."""
    chinese, english = MESSAGES[code]
    return english if language is Language.ENGLISH else chinese


@strawberry.type(description="Something the person can put right.")
class UserError:
    code: ErrorCode = strawberry.field(description="For the program to decide by.")
    message: str = strawberry.field(description="For the person to read, in the language of Accept-Language.")
    field: list[str] | None = strawberry.field(
        description='Path of the input field at fault, as ["events", "3", "spans"]; null if it is none.'
    )

    @classmethod
    def of(cls, error: DomainError, language: Language) -> Self:
        counted.errors.labels(error.code.value).inc()
        field = list(error.field) if error.field is not None else None
        return cls(code=error.code, message=message_of(error.code, language), field=field)


@strawberry.type
class Payload:
    """Base of every mutation's payload. Its other fields are nullable and default to None:

    @strawberry.type
    class RateCoursePayload(Payload):
        course: Course | None = None
    """

    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="What the person can put right; empty on success."
    )
