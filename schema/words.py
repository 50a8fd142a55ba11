"""The closed lists of `kit/words.py`, made GraphQL enums. Types and inputs import them from here."""

from enum import StrEnum

import strawberry

from kit.errors import ErrorCode
from kit.words import (
    AttendanceOutcome,
    BadgeMeasure,
    BoardMetric,
    BoardPeriod,
    BoardPhase,
    BoardSubjectKind,
    ConsentPurpose,
    CourseForm,
    CourseKind,
    CoursePart,
    CourseSort,
    CourseStatus,
    DrawStatus,
    EventStatus,
    ExportStatus,
    LeagueDivision,
    LeagueZone,
    LiveMessageKind,
    LiveScope,
    LiveStatus,
    NoticeKind,
    OfflineClassStatus,
    OncePer,
    OutletTier,
    PointAccount,
    PostRole,
    PrizeOrder,
    ProgressKind,
    ProgressState,
    PushProvider,
    RedemptionStatus,
    RefusalReason,
    RegionKind,
    ReportFormat,
    ReportKind,
    Role,
    SeatState,
    StageState,
    StoryCampaignStatus,
    StoryEntryStatus,
    StorySort,
    StoryVerdict,
    SuspicionKind,
    SuspicionState,
    TaskMeasure,
    TaskPeriod,
    Verdict,
)
from schema.error_codes import GUIDE
from schema.notice_kinds import KINDS

__all__ = [
    "AttendanceOutcome",
    "BadgeMeasure",
    "BoardMetric",
    "BoardPeriod",
    "BoardPhase",
    "BoardSubjectKind",
    "ConsentPurpose",
    "CourseForm",
    "CourseKind",
    "CoursePart",
    "CourseSort",
    "CourseStatus",
    "DrawStatus",
    "ErrorCode",
    "EventStatus",
    "ExportStatus",
    "LeagueDivision",
    "LeagueZone",
    "LiveMessageKind",
    "LiveScope",
    "LiveStatus",
    "NoticeKind",
    "OfflineClassStatus",
    "OncePer",
    "OutletTier",
    "PointAccount",
    "PostRole",
    "PrizeOrder",
    "ProgressKind",
    "ProgressState",
    "PushProvider",
    "RedemptionStatus",
    "RefusalReason",
    "RegionKind",
    "ReportFormat",
    "ReportKind",
    "Role",
    "SeatState",
    "StageState",
    "StoryCampaignStatus",
    "StoryEntryStatus",
    "StorySort",
    "StoryVerdict",
    "SuspicionKind",
    "SuspicionState",
    "TaskMeasure",
    "TaskPeriod",
    "Verdict",
]


def show(words: type[StrEnum], description: str, **values: str) -> None:
    """Make a closed list a GraphQL enum; every value says what it means.

    The class is marked in place, so the name imported here is the plain class and mypy knows its members.
    """
    assert list(values) == [word.name for word in words], words
    strawberry.enum(words, description=description)
    definition: strawberry.types.enum.StrawberryEnumDefinition = words.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]


show(
    ErrorCode,
    "What went wrong, for the program to decide by. Codes are added, never renamed.",
    **{code.name: guide.means for code, guide in GUIDE.items()},
)
show(
    Role,
    "What a member may do. All but LEARNER and LECTURER hold over a subtree of regions.",
    LEARNER="Shop owner or shop clerk who learns (学员).",
    LECTURER="Makes courses, hosts live lessons or trains outlets (讲师).",
    ACCOUNT_MANAGER="Looks after a set of outlets (客户经理).",
    SUPERVISOR="Heads a hall or service station, scores staff and verifies work (主管).",
    ADMIN="Runs the academy in a subtree of regions: catalogue, people, rules, seasons, prizes (管理员).",
    AUDITOR="Reads everything in scope and changes nothing (审计员).",
)
show(
    RegionKind,
    "The floor of a region in the tree, top first.",
    PROVINCE="A province (省); the top of the tree.",
    CITY="A city, served by one company (市).",
    COUNTY="A county or an urban district (区县).",
    STATION="A service station (服务站); outlets usually belong to one.",
)
show(
    OutletTier,
    "How far a shop has developed.",
    NEW="Newly opened (新店).",
    ORDINARY="Without a special programme (普通终端).",
    MODERN="Fitted out and run to the modern standard (现代终端).",
    PARTNER="Run together with the distributor (合作终端).",
)
show(
    PostRole,
    "What a member is at an outlet.",
    OWNER="Holds the licence (店主); adds and removes clerks.",
    CLERK="Works there (店员).",
)
show(
    CourseForm,
    "How a course is given.",
    VIDEO="Micro-videos of a minute or two (微视频).",
    AUDIO="Recordings to listen to (音频).",
    ARTICLE="Text with pictures (图文).",
    LIVE="Live lessons with a host (直播).",
    OFFLINE_CLASS="Small classes in a room (线下小班).",
)
show(
    CourseKind,
    "How binding a course is.",
    REQUIRED="To be done by everyone in its audience (必修).",
    ELECTIVE="Chosen freely (选修).",
    PUBLIC="Of interest beyond the trade, for everybody (公共).",
    PRACTICAL="To be tried out in the shop (实操).",
)
show(
    CourseStatus,
    "Where a course stands between proposal and retirement.",
    DRAFT="Being made; only its makers and staff see it (草稿).",
    IN_REVIEW="Handed in and waiting for a verdict (审核中).",
    PUBLISHED="In the catalogue (已发布).",
    RETIRED="Out of the catalogue; who began it may finish, what was completed stays (已下架).",
)
show(
    CoursePart,
    "What a member of the team does for a course (制作分工).",
    SCRIPT="Writes what is said (脚本).",
    FOOTAGE="Films or records it (拍摄).",
    EDIT="Cuts it into what is shown (剪辑).",
)
show(
    CourseSort,
    "The order of the catalogue.",
    NEWEST="Published last first.",
    POPULAR="Begun by most learners first.",
    BEST_RATED="Highest average first; of equals the one rated more often.",
)
show(
    ProgressState,
    "How far the viewer is, in one word.",
    NOT_STARTED="Nothing of it was reported yet.",
    IN_PROGRESS="Begun and not complete.",
    COMPLETED="All of it is done.",
)
show(
    ProgressKind,
    "What the phone reports.",
    STARTED="The lesson was opened.",
    WATCHED="Media was really shown; spans are seconds of the media.",
    READ="An article was read; spans are seconds since it was opened.",
    FINISHED="The learner came to the end: next time it begins at 0.",
)
show(
    EventStatus,
    "What became of a reported event.",
    ACCEPTED="It was kept, and counts as far as the code beside it says.",
    DUPLICATE="It was kept before; nothing changed. Forget it.",
    REJECTED="It was not kept and is not remembered: it may be sent again.",
)
show(
    PointAccount,
    "The two accounts of a member.",
    LIFETIME="All that was ever earned; decides levels and boards, falls only by correction (累计积分).",
    BALANCE="What can be spent (可用积分).",
)
show(
    OncePer,
    "What one award of a rule is for.",
    LESSON="Paid once for each lesson.",
    COURSE="Paid once for each course.",
    DAY="Paid once a Shanghai day.",
    WEEK="Paid once a week, Monday to Sunday.",
    STREAK="Paid once for each length of streak (连续学习).",
    TASK="Paid once for each task in each of its periods (任务).",
    STAGE="Paid once for each stage of the path (关卡).",
    QUIZ="Paid once for each quiz (测验).",
    LIVE_LESSON="Paid once for each live lesson (直播课).",
    CLASS="Paid once for each offline class (线下小班).",
    DUEL="Paid once for each duel (对战).",
    CONTEST="Paid once for each contest (竞赛).",
    STORY="Paid once for each photo-story (征文).",
    TIER="Paid once for each tier of an outlet (终端等级).",
)
show(
    RefusalReason,
    "Why an award was not paid in full.",
    DAILY_CAP="The rule's limit for that day was reached (当日上限).",
    RULE_DISABLED="The rule was switched off that day (规则停用).",
)
show(
    BadgeMeasure,
    "What a badge is earned by: how much of it there is since the member joined.",
    LESSONS_COMPLETED="Lessons taken in to the end (完成课时).",
    COURSES_COMPLETED="Courses completed to the end (完成课程).",
    QUIZZES_PASSED="Quizzes taken and passed (通过测验).",
    LIVE_ATTENDANCES="Live lessons attended (参加直播).",
    REPLAYS_WATCHED="Replays watched whole (观看回放).",
    CLASSES_ATTENDED="Offline classes checked in at (参加线下课).",
    COURSES_RATED="Courses given stars (评价课程).",
    STAGES_PASSED="Stages of the path passed (通关).",
    TASKS_CLAIMED="Tasks done and claimed (完成任务).",
    DUELS_WON="Duels won (PK 获胜).",
    STORIES_PUBLISHED="Photo stories that passed their review (发布故事).",
    LIFETIME_POINTS="Lifetime points held (累计积分).",
    LEARNED_DAYS="Days on which something was learned (学习天数).",
    BEST_STREAK_DAYS="The longest streak ever, in days (最长连续学习).",
    LEARNING_SECONDS="Seconds of credited learning (学习时长).",
)
show(
    BoardMetric,
    "What an honour board counts.",
    POINTS="Lifetime points (积分).",
    COURSES_COMPLETED="Courses finished to the end (完成课程数).",
    LEARNING_SECONDS="Seconds of credited learning (学习时长).",
    STREAK_DAYS="The longest run of learning days in the period (连续学习天数).",
    LIVE_ATTENDANCES="Live lessons attended (直播出勤).",
)
show(
    BoardPeriod,
    "How long an honour board counts, in Asia/Shanghai.",
    DAY="Midnight to midnight (日榜).",
    WEEK="Monday to Sunday (周榜).",
    MONTH="A calendar month (月榜).",
    QUARTER="Three calendar months (季榜).",
    SEASON="A season of the game, as the academy schedules it (赛季榜).",
    ALL_TIME="From the beginning, without end (总榜).",
)
show(
    BoardPhase,
    "The life of an honour board.",
    OPEN="The period runs (进行中).",
    GRACE="The period is over; offline reports still count for 72 hours (补报期).",
    FROZEN="Final; it never changes again (已定榜).",
    AWARDED="Final, and its prizes are given (已颁奖).",
)
show(
    BoardSubjectKind,
    "Who is ranked on an honour board.",
    MEMBER="Every member who learned (个人榜).",
    OUTLET="Shops, by the sum of their people (门店榜).",
    REGION="The regions right below the scope's, by the average of their learners (片区榜).",
)
show(
    PrizeOrder,
    "What the places of a prize list are.",
    POSITION="1, 2, 3: who reached the score first wins the better prize (按名次，先到先得).",
    RANK="1, 1, 3: equals all win the same prize (按并列名次).",
)
show(
    LeagueDivision,
    "The divisions of the weekly leagues (联赛段位), from the bottom, where everybody begins.",
    BRONZE="The bottom; nobody falls out of it (青铜).",
    SILVER="The second (白银).",
    GOLD="The third (黄金).",
    PLATINUM="The fourth (铂金).",
    DIAMOND="The top; nobody rises out of it (钻石).",
)
show(
    LeagueZone,
    "Where a place in a league leads after the week, as things stand.",
    PROMOTE="Up by a division (晋级区).",
    STAY="Nowhere (保级区).",
    DEMOTE="Down by a division (降级区).",
)
show(
    ConsentPurpose,
    "What a member is asked to agree to (同意事项).",
    TERMS="The rules of the academy (用户协议); comes with the account.",
    PRIVACY_POLICY="What is kept and who sees it (隐私政策); comes with the account.",
    MARKETING="Messages about new courses, events and prizes (活动通知).",
    ANALYTICS="Counting how the app is used, to improve it (使用分析).",
)
show(
    StageState,
    "Where a learner stands before a stage of the path.",
    LOCKED="The stage before it is to be passed first (未解锁).",
    OPEN="To be learned now (进行中).",
    PASSED="Done, for good (已通关).",
)
show(
    RedemptionStatus,
    "Where a redeemed reward is on its way.",
    REQUESTED="Paid for, and waiting for an admin (待审核).",
    APPROVED="To be picked up or sent (已通过).",
    SHIPPED="On its way to the shop (已发货).",
    DELIVERED="Handed over; the end (已领取).",
    CANCELLED="Taken back; points and stock were given back (已取消).",
)
show(
    DrawStatus,
    "How far a prize draw is.",
    SCHEDULED="Announced; no tickets are sold yet (未开始).",
    OPEN="Tickets are sold (进行中).",
    CLOSED="The list of entrants is fixed (已截止).",
    DRAWN="The winners are known and the seed is shown (已开奖).",
)
show(
    StoryCampaignStatus,
    "How far a photo-story contest is.",
    UPCOMING="Announced; nothing can be submitted yet (未开始).",
    OPEN="Stories are submitted and voted for (征集中).",
    JUDGING="No more stories and votes; the jury gives its last scores (评审中).",
    PUBLISHED="The ranking is public, and its prizes are given (已公布).",
)
show(
    StoryEntryStatus,
    "Where an entry of a photo-story contest stands.",
    SUBMITTED="Waiting for an admin to look at it (待审核).",
    PUBLISHED="Everybody can read it (已发布).",
    REFUSED="Not accepted; the note says why, and it may be submitted anew (未通过).",
    WITHDRAWN="Taken out of the contest, by an admin or because its author has left (已撤下).",
    LAPSED="The contest was over before anybody had looked at it (已过期).",
)
show(
    StoryVerdict,
    "What an admin decides about an entry.",
    PUBLISH="Everybody may read it (通过).",
    REFUSE="Not so; the note tells the author what to change (退回).",
    WITHDRAW="Take a published entry out of the contest for good; the note tells the author why (撤下).",
)
show(
    StorySort,
    "The order of the entries of a contest.",
    NEWEST="Published last first.",
    MOST_VOTED="Most votes first, as they stood when the first page was read; of equals the one published first.",
    RANKING="By position; empty until the ranking is published.",
)
show(
    ExportStatus,
    "The life of a file that is made in the background.",
    QUEUED="Asked for (排队中).",
    RUNNING="Being made (生成中).",
    READY="There to be fetched (可下载).",
    EXPIRED="Its time is over and the file is gone (已过期).",
    FAILED="Could not be made; ask anew (失败).",
)
show(
    ReportKind,
    "What a file for staff is about.",
    ASSIGNMENTS="Everybody of whom a course is asked, and how far they are (指派进度). `objectId`: one course.",
    BOARD="The lines of the honour board `objectId` (光荣榜).",
    POINTS="Lifetime points booked for the days from `from` to `to`, both given (积分明细).",
    REDEMPTIONS="Rewards that were redeemed (兑换记录).",
    LIVE_ATTENDANCE="As CLASS_ATTENDANCE, of live lessons once they are settled (直播出勤). `objectId`: one lesson.",
    CLASS_ATTENDANCE="Who was at classes of the regions, and their people at others (小班出勤). `objectId`: one class.",
    MEMBERS="A line for each post held at a shop now, phones masked (成员名单). `from`, `to`: when they joined.",
)
show(
    ReportFormat,
    "What kind of file.",
    CSV="Comma-separated values in UTF-8, for Excel too (逗号分隔).",
    XLSX="An Excel workbook (工作簿).",
)
show(
    NoticeKind,
    "What a notice is about, for the program; kinds are added as the academy grows.",
    **{kind.name: each.means for kind, each in KINDS.items()},
)
show(
    PushProvider,
    "Who carries a push to the phone.",
    JPUSH="Aurora Push (极光推送), for most Android phones in China.",
    APNS="Apple's own service, for iPhones.",
    FCM="Firebase, for Android phones with Google's services.",
)
show(
    TaskPeriod,
    "How often a task can be done.",
    DAILY="Every day in Asia/Shanghai (每日任务).",
    WEEKLY="In a week from Monday, of which it is one of a few tasks (每周任务).",
    ONCE="A single time (一次性任务).",
)
show(
    TaskMeasure,
    "What a task counts.",
    LESSONS_COMPLETED="One for each lesson completed (学完课时).",
    COURSES_COMPLETED="One for each course completed (学完课程).",
    REQUIRED_COURSES_COMPLETED="One for each required course completed (学完必修课程).",
    LEARNING_MINUTES="Whole minutes of credited learning (学习分钟).",
    DAYS_LEARNED="Days on which something was completed (学习天数).",
    COURSES_RATED="Courses rated for the first time (课程打分).",
    QUIZZES_PASSED="One for each quiz passed (通过测验).",
    LIVE_LESSONS_ATTENDED="One for each live lesson attended (参加直播).",
    CLASSES_ATTENDED="One for each offline class checked in at (参加线下小班).",
    STORIES_PUBLISHED="One for each photo-story that passed its review (发布图文故事).",
    STAGES_PASSED="One for each stage passed on the path (通关关卡).",
)
show(
    SuspicionKind,
    "What makes learning suspicious.",
    FASTER_THAN_THE_CLOCK="More was watched than its time allows, even at double speed (超过真实时间).",
    SAME_TRACE="The same seconds with the same gaps, from several devices (多设备重复记录).",
    NIGHT_LONG="Most of a night was spent learning (通宵学习).",
    SHARED_DEVICE="More people learned on one device than share one (一机多人).",
    ANSWERS_TOO_FAST="A quiz was answered faster than it can be read (答题过快).",
)
show(
    SuspicionState,
    "How far a suspicion is.",
    OPEN="Nobody has judged yet (待处理).",
    CLEARED="An admin found nothing wrong (已排除).",
    CONFIRMED="An admin found that it was not learning (已确认).",
)
show(
    Verdict,
    "What an admin makes of a suspicion.",
    CLEAR="Nothing is wrong (排除).",
    CONFIRM="This was not learning (确认).",
)
show(
    LiveStatus,
    "How far a live lesson is.",
    DRAFT="Not announced: seen by those who run it alone (草稿).",
    SCHEDULED="Announced; seats are reserved (预告中).",
    REHEARSAL="The host tries the stream, and nobody watches (彩排中).",
    LIVE="On air (直播中).",
    INTERRUPTED="The stream dropped a moment ago and may come back (直播中断).",
    ENDED="Over (已结束).",
    REPLAY_READY="Over, and its replay can be watched (可回看).",
    ARCHIVED="Over, and its replay has been put away (已归档).",
    CANCELLED="Will not take place (已取消).",
    EXPIRED="Was not begun within an hour of its time (已过期).",
)
show(
    LiveScope,
    "Which lessons of a series a change is for.",
    THIS="This one alone (仅本场).",
    THIS_AND_FOLLOWING="This one and all later ones of its series (本场及以后).",
)
show(
    SeatState,
    "What a reservation of a seat has come to.",
    SEATED="A seat is kept (已预约).",
    WAITLISTED="Waits for a seat, in order of arrival; promoted by itself (候补中).",
    CANCELLED="Given up, or the lesson was cancelled (已取消).",
)
show(
    AttendanceOutcome,
    "What became of a learner and a live lesson, by the lesson's credit rule.",
    PRESENT="There from the start, for as long as the rule asks (出席).",
    LATE="There for as long as the rule asks, but came late (迟到).",
    PARTIAL="There, but not for long enough (部分出席).",
    ABSENT="Had a seat and did not come (缺席).",
    EXCUSED="Had a seat, and is excused (请假).",
    REPLAY="Watched the replay instead (回看).",
)
show(
    LiveMessageKind,
    "What is said in a live lesson's room.",
    CHAT="Said to everybody (聊天).",
    QUESTION="Asked; others may up-vote it (提问).",
)
show(
    OfflineClassStatus,
    "How far an offline class is.",
    SCHEDULED="To come (待开课).",
    RUNNING="It is on (上课中).",
    ENDED="Over (已结束).",
    CANCELLED="Will not take place (已取消).",
)
