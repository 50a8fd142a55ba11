"""What each kind of notice says. A new kind is a line in `kit.words.NoticeKind` and an entry here.

Title and text are put together when they are read, in the reader's language, so that a better sentence shows in old
notices too. In braces stand the values that `services.notices.tell` was given; `{object}` is the global id of what the
notice is about.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gamification.levels import LEVELS
from gamification.titles import Title
from kit.words import Language, NoticeKind


@dataclass(frozen=True, slots=True)
class Kind:
    """`means` describes the kind in the schema. `link` is a path in the app.

    `words` are values that are told as a code and read as a name: {"result": {"PROMOTE": Title(...)}}; a name may hold
    other values in its turn. A value that was told as a `Title` needs none.
    """

    means: str
    title: Title
    text: Title
    link: str
    words: Mapping[str, Mapping[str, Title]] = field(default_factory=dict)


KINDS: dict[NoticeKind, Kind] = {
    NoticeKind.LEVEL_REACHED: Kind(  # level
        means="The viewer reached a level (升级).",
        title=Title("恭喜升级！", "Level up!"),
        text=Title("您已升到{level}级「{name}」，继续加油。", "You are now at level {level}, {name}. Keep growing!"),
        link="/levels",
        words={"name": {str(each.number): each.title for each in LEVELS}},
    ),
    NoticeKind.BADGE_EARNED: Kind(  # badge: Title
        means="The viewer earned a badge (获得徽章).",
        title=Title("获得新徽章", "A new badge"),
        text=Title("您获得了徽章「{badge}」。", "You earned the badge “{badge}”."),
        link="/badges",
    ),
    NoticeKind.LEAGUE_RESULT: Kind(  # position, result: PROMOTE | STAY | DEMOTE, division: Title, the one from now on
        means="How the viewer's league of last week ended (联赛结果).",
        title=Title("上周联赛结果", "Last week's league"),
        text=Title(
            "您上周在联赛中排第{position}名，{result}。", "Last week you finished at place {position} and {result}."
        ),
        link="/league",
        words={
            "result": {
                "PROMOTE": Title("升入「{division}」", "rise to {division}"),
                "STAY": Title("留在「{division}」", "stay in {division}"),
                "DEMOTE": Title("降到「{division}」，这周加油", "go down to {division}; this week is a new one"),
            }
        },
    ),
    NoticeKind.LEAGUE_CORRECTED: Kind(  # as LEAGUE_RESULT
        means="Late reports gave last week's league another end for the viewer (联赛结果更正).",
        title=Title("上周联赛结果有更新", "News of last week's league"),
        text=Title(
            "补报的学习记录已计入：您上周排第{position}名，{result}。本周联赛不变，下周起按此段位。",
            "Late reports were counted: last week you finished at place {position} and {result}. This week's league"
            " goes on as it is; the next one follows from this.",
        ),
        link="/league",
        words={
            "result": {
                "PROMOTE": Title("升入「{division}」", "rise to {division}"),
                "STAY": Title("留在「{division}」", "stay in {division}"),
                "DEMOTE": Title("降到「{division}」", "go down to {division}"),
            }
        },
    ),
    NoticeKind.SEASON_PRIZE: Kind(  # board: Title or str, position, points
        means="The viewer won a prize on an honour board (榜单奖励).",
        title=Title("恭喜上榜获奖！", "A prize from the honour board"),
        text=Title(
            "您在「{board}」排第{position}名，获得{points}积分奖励。",
            "You came in at place {position} on “{board}” and won {points} points.",
        ),
        link="/honour-boards/{object}",
    ),
    NoticeKind.REDEMPTION_ADVANCED: Kind(  # reward, status
        means="A redemption of the viewer's moved on (兑换进度).",
        title=Title("兑换进度更新", "News of your reward"),
        text=Title("您兑换的「{reward}」{status}。", "Your “{reward}” {status}."),
        link="/redemptions/{object}",
        words={
            "status": {
                "APPROVED": Title("已通过审核", "has been approved"),
                "SHIPPED": Title("已发货", "is on its way"),
                "DELIVERED": Title("已领取", "has been handed over"),
                "CANCELLED": Title("已取消，积分已退回", "was cancelled; your points are back"),
            }
        },
    ),
    NoticeKind.STORY_PUBLISHED: Kind(  # story, its title
        means="A photo story of the viewer's was published (故事已发布).",
        title=Title("您的故事已发布", "Your story is out"),
        text=Title(
            "「{story}」已通过审核，快请朋友来投票吧。", "“{story}” is published. Now ask your friends to vote."
        ),
        link="/stories/{object}",
    ),
    NoticeKind.STORY_REFUSED: Kind(  # story, reason
        means="A photo story of the viewer's was not accepted (故事未通过).",
        title=Title("您的故事没有通过审核", "Your story was not accepted"),
        text=Title("「{story}」没有通过审核：{reason}", "“{story}” was not accepted: {reason}"),
        link="/stories/{object}",
    ),
    NoticeKind.STORY_WITHDRAWN: Kind(  # story, reason
        means="A photo story of the viewer's was taken out of its contest (故事已撤下).",
        title=Title("您的故事已撤下", "Your story was taken down"),
        text=Title("「{story}」已从征文中撤下：{reason}", "“{story}” was taken out of the contest: {reason}"),
        link="/stories/{object}",
    ),
    NoticeKind.CONTEST_PRIZE: Kind(  # contest, rank, points
        means="The viewer won a prize in a photo-story contest (大赛获奖).",
        title=Title("恭喜获奖！", "You won a prize!"),
        text=Title(
            "您在「{contest}」中获得第{rank}名，奖励{points}积分已到账。",
            "You came in at place {rank} in “{contest}”: {points} points are on your account.",
        ),
        link="/stories/{object}",
    ),
    NoticeKind.LIVE_SEAT_PROMOTED: Kind(  # lesson, its title; starts: Title
        means="The viewer waited for a seat of a live lesson and has one now (候补成功).",
        title=Title("候补成功，有座位啦", "A seat came free for you"),
        text=Title(
            "您候补的直播课「{lesson}」有座位了，{starts}开播，记得来看。",
            "You have a seat in “{lesson}” now. It starts on {starts}.",
        ),
        link="/live-lessons/{object}",
    ),
    NoticeKind.LIVE_LESSON_MOVED: Kind(  # lesson, its title; starts: Title, the new one
        means="A live lesson that the viewer reserved or waits for has another time (直播改期).",
        title=Title("直播课改时间了", "A live lesson was moved"),
        text=Title(
            "您预约的直播课「{lesson}」改到{starts}开播，预约仍然有效。",
            "“{lesson}” starts on {starts} now. Your reservation goes with it.",
        ),
        link="/live-lessons/{object}",
    ),
    NoticeKind.LIVE_LESSON_CANCELLED: Kind(  # lesson, its title; starts: Title, when it was to; reason: str or Title
        means="A live lesson that the viewer reserved or waited for will not take place (直播取消).",
        title=Title("直播课取消了", "A live lesson was called off"),
        text=Title(
            "很抱歉，原定{starts}的直播课「{lesson}」取消了：{reason}",
            "Sorry: “{lesson}”, planned for {starts}, was called off: {reason}",
        ),
        link="/live-lessons/{object}",
    ),
    NoticeKind.COURSE_PUBLISHED: Kind(  # course
        means="A course the viewer made was published (课程上线).",
        title=Title("课程上线了", "Your course is out"),
        text=Title("您参与制作的《{course}》已通过审核，正式上线。", "“{course}”, which you made, is published."),
        link="/making/{object}",
    ),
    NoticeKind.COURSE_RETURNED: Kind(  # course, note
        means="A course the viewer makes was sent back to its makers (退回修改).",
        title=Title("课程请再改改", "Your course needs another look"),
        text=Title("《{course}》审核后退回修改：{note}", "“{course}” was sent back to its makers: {note}"),
        link="/making/{object}",
    ),
    NoticeKind.LIVE_DAY_BEFORE: Kind(  # lesson, its title; starts: Title
        means="A live lesson the viewer has a seat in begins within a day (直播预告).",
        title=Title("直播课提醒", "A live lesson is coming up"),
        text=Title("「{lesson}」{starts}开始，记得来听课。", "“{lesson}” begins on {starts}. See you there!"),
        link="/live-lessons/{object}",
    ),
    NoticeKind.LIVE_HOUR_BEFORE: Kind(  # as LIVE_DAY_BEFORE
        means="A live lesson the viewer has a seat in begins within an hour (直播一小时内开始).",
        title=Title("直播课快开始了", "Your live lesson begins within the hour"),
        text=Title("「{lesson}」{starts}开始，请提前安排好店里的事。", "“{lesson}” begins on {starts}."),
        link="/live-lessons/{object}",
    ),
    NoticeKind.LIVE_SOON: Kind(  # as LIVE_DAY_BEFORE
        means="A live lesson the viewer has a seat in begins in ten minutes or less (直播马上开始).",
        title=Title("直播马上开始", "Your live lesson is about to begin"),
        text=Title("「{lesson}」{starts}开始，现在可以进直播间了。", "“{lesson}” begins on {starts}. Doors are open."),
        link="/live-lessons/{object}",
    ),
    NoticeKind.LIVE_STARTED: Kind(  # as LIVE_DAY_BEFORE
        means="A live lesson the viewer has a seat in is on air (直播已开始).",
        title=Title("直播开始了", "Your live lesson is on air"),
        text=Title("「{lesson}」正在直播，点这里进入。", "“{lesson}” is on air. Come in!"),
        link="/live-lessons/{object}",
    ),
    NoticeKind.LIVE_REPLAY_READY: Kind(  # as LIVE_DAY_BEFORE
        means="A live lesson the viewer has a seat in can be watched again (回放可看).",
        title=Title("直播回放来了", "The replay is ready"),
        text=Title("「{lesson}」的回放可以看了。", "“{lesson}” can now be watched again."),
        link="/live-lessons/{object}",
    ),
    NoticeKind.COURSE_DUE_SOON: Kind(  # course, its title; due: Title
        means="A course assigned to the viewer is due in three days or less (课程快到期).",
        title=Title("课程快到期了", "A course is due soon"),
        text=Title("「{course}」请在{due}前学完。", "Please complete “{course}” by {due}."),
        link="/courses/{object}",
    ),
    NoticeKind.COURSE_DUE: Kind(  # as COURSE_DUE_SOON
        means="Today is the last day for a course assigned to the viewer (课程今天到期).",
        title=Title("今天是最后一天", "Today is the last day"),
        text=Title("「{course}」{due}到期，今天抽空学完吧。", "“{course}” is due by {due}. A few minutes will do!"),
        link="/courses/{object}",
    ),
    NoticeKind.COURSE_OVERDUE: Kind(  # as COURSE_DUE_SOON
        means="A course assigned to the viewer was not completed in time (课程已逾期).",
        title=Title("课程已逾期", "A course is overdue"),
        text=Title("「{course}」{due}已到期，请尽快补学。", "“{course}” was due by {due}. Please catch up soon."),
        link="/courses/{object}",
    ),
    NoticeKind.CLASS_SEAT_GAINED: Kind(  # title, when: Title, place
        means="The viewer waited for a seat in an offline class and has one now (候补成功).",
        title=Title("候补成功，您有座位了", "You have a seat now"),
        text=Title(
            "线下课「{title}」为您留好了座位：{when}，{place}。来不了请提前取消，让给别人。",
            "A seat in “{title}” is yours: {when}, {place}. If you cannot come, please give it up in time.",
        ),
        link="/classes/{object}",
    ),
    NoticeKind.CLASS_MOVED: Kind(  # title, when: Title, place
        means="An offline class that the viewer signed up for or trains has another time or place (线下课改期).",
        title=Title("线下课时间或地点有变", "Your class has moved"),
        text=Title("「{title}」改为{when}，地点：{place}。", "“{title}” is now on {when}, at {place}."),
        link="/classes/{object}",
    ),
    NoticeKind.CLASS_CANCELLED: Kind(  # title, when: Title, place, reason
        means="An offline class that the viewer signed up for or trains was called off (线下课取消).",
        title=Title("线下课取消了", "Your class was called off"),
        text=Title("原定{when}的「{title}」取消了：{reason}", "“{title}” on {when} will not take place: {reason}"),
        link="/classes/{object}",
    ),
}
assert list(KINDS) == list(NoticeKind), "every kind has an entry, in the order of the list"


_PLACES = re.compile(r"\{(\w+)\}")


def title_of(kind: NoticeKind, values: Mapping[str, object], language: Language) -> str:
    return _filled(KINDS[kind].title, kind, values, language)


def text_of(kind: NoticeKind, values: Mapping[str, object], language: Language) -> str:
    return _filled(KINDS[kind].text, kind, values, language)


def link_of(kind: NoticeKind, object_gid: str | None) -> str:
    """A path in the app; without an object, the part of it above the object."""
    path = KINDS[kind].link
    return path.replace("{object}", object_gid) if object_gid is not None else path.removesuffix("/{object}")


def places_of(title: Title) -> set[str]:
    """The names of the values in a sentence."""
    return {name for sentence in title for name in _PLACES.findall(sentence)}


def _filled(title: Title, kind: NoticeKind, values: Mapping[str, object], language: Language) -> str:
    """The sentence with its values in place; braces within a value are left as they are."""
    words = KINDS[kind].words

    def said(found: re.Match[str]) -> str:
        value = values.get(found[1], "")
        name = words.get(found[1], {}).get(str(value))
        if name is not None:
            return _PLACES.sub(said, name.text(language))
        return str(value[language] if isinstance(value, dict) else value)

    return _PLACES.sub(said, title.text(language))
