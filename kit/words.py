"""The closed lists that clients hard-code and every floor shares. Their spelling is the contract's."""

from enum import StrEnum


class Role(StrEnum):
    LEARNER = "LEARNER"
    LECTURER = "LECTURER"
    ACCOUNT_MANAGER = "ACCOUNT_MANAGER"
    SUPERVISOR = "SUPERVISOR"
    ADMIN = "ADMIN"
    AUDITOR = "AUDITOR"


class RegionKind(StrEnum):
    """Floors of the region tree, top first."""

    PROVINCE = "PROVINCE"
    CITY = "CITY"
    COUNTY = "COUNTY"
    STATION = "STATION"


class OutletTier(StrEnum):
    NEW = "NEW"
    ORDINARY = "ORDINARY"
    MODERN = "MODERN"
    PARTNER = "PARTNER"


class PostRole(StrEnum):
    OWNER = "OWNER"
    CLERK = "CLERK"


class CourseForm(StrEnum):
    VIDEO = "VIDEO"
    AUDIO = "AUDIO"
    ARTICLE = "ARTICLE"
    LIVE = "LIVE"
    OFFLINE_CLASS = "OFFLINE_CLASS"


class CourseKind(StrEnum):
    REQUIRED = "REQUIRED"
    ELECTIVE = "ELECTIVE"
    PUBLIC = "PUBLIC"
    PRACTICAL = "PRACTICAL"


class CourseStatus(StrEnum):
    DRAFT = "DRAFT"
    IN_REVIEW = "IN_REVIEW"
    PUBLISHED = "PUBLISHED"
    RETIRED = "RETIRED"


class CoursePart(StrEnum):
    """Who does what in the team that makes a course."""

    SCRIPT = "SCRIPT"
    FOOTAGE = "FOOTAGE"
    EDIT = "EDIT"


class CourseSort(StrEnum):
    NEWEST = "NEWEST"
    POPULAR = "POPULAR"
    BEST_RATED = "BEST_RATED"


class ProgressState(StrEnum):
    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"


class ProgressKind(StrEnum):
    """What the phone reports. READ spans are seconds since the article was opened."""

    STARTED = "STARTED"
    WATCHED = "WATCHED"
    READ = "READ"
    FINISHED = "FINISHED"


class EventStatus(StrEnum):
    """What became of a reported event. A REJECTED one is not remembered and may be sent again."""

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    REJECTED = "REJECTED"


class PointAccount(StrEnum):
    LIFETIME = "LIFETIME"
    BALANCE = "BALANCE"


class OncePer(StrEnum):
    """What one award of a points rule is for."""

    LESSON = "LESSON"
    COURSE = "COURSE"
    DAY = "DAY"
    WEEK = "WEEK"
    STREAK = "STREAK"
    TASK = "TASK"
    STAGE = "STAGE"
    QUIZ = "QUIZ"
    LIVE_LESSON = "LIVE_LESSON"
    CLASS = "CLASS"
    DUEL = "DUEL"
    CONTEST = "CONTEST"
    STORY = "STORY"
    TIER = "TIER"


class RefusalReason(StrEnum):
    """Why an award was not paid in full."""

    DAILY_CAP = "DAILY_CAP"
    RULE_DISABLED = "RULE_DISABLED"


class TaskPeriod(StrEnum):
    """How often a task can be done."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    ONCE = "ONCE"


class TaskMeasure(StrEnum):
    """What a task counts."""

    LESSONS_COMPLETED = "LESSONS_COMPLETED"
    COURSES_COMPLETED = "COURSES_COMPLETED"
    REQUIRED_COURSES_COMPLETED = "REQUIRED_COURSES_COMPLETED"
    LEARNING_MINUTES = "LEARNING_MINUTES"
    DAYS_LEARNED = "DAYS_LEARNED"
    COURSES_RATED = "COURSES_RATED"
    QUIZZES_PASSED = "QUIZZES_PASSED"
    LIVE_LESSONS_ATTENDED = "LIVE_LESSONS_ATTENDED"
    CLASSES_ATTENDED = "CLASSES_ATTENDED"
    STORIES_PUBLISHED = "STORIES_PUBLISHED"
    STAGES_PASSED = "STAGES_PASSED"


class StageState(StrEnum):
    """Where a learner stands before a stage of the path."""

    LOCKED = "LOCKED"
    OPEN = "OPEN"
    PASSED = "PASSED"


class RedemptionStatus(StrEnum):
    """The way of a redeemed reward; DELIVERED and CANCELLED are its ends."""

    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


class DrawStatus(StrEnum):
    """How far a prize draw is: not open yet, selling tickets, its list of entrants fixed, its winners drawn."""

    SCHEDULED = "SCHEDULED"
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    DRAWN = "DRAWN"


class StoryCampaignStatus(StrEnum):
    """How far a photo-story contest is: announced, open for stories and votes, with the jury, its ranking public."""

    UPCOMING = "UPCOMING"
    OPEN = "OPEN"
    JUDGING = "JUDGING"
    PUBLISHED = "PUBLISHED"


class StoryEntryStatus(StrEnum):
    """Where an entry stands. A REFUSED one may be submitted anew; WITHDRAWN and LAPSED are ends."""

    SUBMITTED = "SUBMITTED"
    PUBLISHED = "PUBLISHED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    LAPSED = "LAPSED"


class StoryVerdict(StrEnum):
    """What a reviewer decides; WITHDRAW is about an entry that was published before."""

    PUBLISH = "PUBLISH"
    REFUSE = "REFUSE"
    WITHDRAW = "WITHDRAW"


class StorySort(StrEnum):
    NEWEST = "NEWEST"
    MOST_VOTED = "MOST_VOTED"
    RANKING = "RANKING"


class SuspicionKind(StrEnum):
    """What makes learning suspicious."""

    FASTER_THAN_THE_CLOCK = "FASTER_THAN_THE_CLOCK"
    SAME_TRACE = "SAME_TRACE"
    NIGHT_LONG = "NIGHT_LONG"
    SHARED_DEVICE = "SHARED_DEVICE"
    ANSWERS_TOO_FAST = "ANSWERS_TOO_FAST"


class SuspicionState(StrEnum):
    """OPEN until an admin has judged."""

    OPEN = "OPEN"
    CLEARED = "CLEARED"
    CONFIRMED = "CONFIRMED"


class Verdict(StrEnum):
    CLEAR = "CLEAR"
    CONFIRM = "CONFIRM"


class BoardMetric(StrEnum):
    POINTS = "POINTS"
    COURSES_COMPLETED = "COURSES_COMPLETED"
    LEARNING_SECONDS = "LEARNING_SECONDS"
    STREAK_DAYS = "STREAK_DAYS"
    LIVE_ATTENDANCES = "LIVE_ATTENDANCES"


class BoardPeriod(StrEnum):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    SEASON = "SEASON"
    ALL_TIME = "ALL_TIME"


class BoardPhase(StrEnum):
    OPEN = "OPEN"
    GRACE = "GRACE"
    FROZEN = "FROZEN"
    AWARDED = "AWARDED"


class BoardSubjectKind(StrEnum):
    MEMBER = "MEMBER"
    OUTLET = "OUTLET"
    REGION = "REGION"


class PrizeOrder(StrEnum):
    """What the places of a prize list are."""

    POSITION = "POSITION"
    RANK = "RANK"


class LeagueDivision(StrEnum):
    """The divisions of the weekly leagues, from the bottom, where everybody begins, to the top."""

    BRONZE = "BRONZE"
    SILVER = "SILVER"
    GOLD = "GOLD"
    PLATINUM = "PLATINUM"
    DIAMOND = "DIAMOND"


class LeagueZone(StrEnum):
    """Where a place in a league leads after the week."""

    PROMOTE = "PROMOTE"
    STAY = "STAY"
    DEMOTE = "DEMOTE"


class ConsentPurpose(StrEnum):
    """What a member is asked to agree to. The first two come with having an account; the others are free."""

    TERMS = "TERMS"
    PRIVACY_POLICY = "PRIVACY_POLICY"
    MARKETING = "MARKETING"
    ANALYTICS = "ANALYTICS"


class ExportStatus(StrEnum):
    """From being asked for to being swept away. FAILED: given up after several tries."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    READY = "READY"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


class ReportKind(StrEnum):
    """What staff have files made of."""

    ASSIGNMENTS = "ASSIGNMENTS"
    BOARD = "BOARD"
    POINTS = "POINTS"
    REDEMPTIONS = "REDEMPTIONS"
    LIVE_ATTENDANCE = "LIVE_ATTENDANCE"
    CLASS_ATTENDANCE = "CLASS_ATTENDANCE"
    MEMBERS = "MEMBERS"


class ReportFormat(StrEnum):
    CSV = "CSV"
    XLSX = "XLSX"


class BadgeMeasure(StrEnum):
    """What a badge is earned by. All but LIFETIME_POINTS only ever grow."""

    LESSONS_COMPLETED = "LESSONS_COMPLETED"
    COURSES_COMPLETED = "COURSES_COMPLETED"
    QUIZZES_PASSED = "QUIZZES_PASSED"
    LIVE_ATTENDANCES = "LIVE_ATTENDANCES"
    REPLAYS_WATCHED = "REPLAYS_WATCHED"
    CLASSES_ATTENDED = "CLASSES_ATTENDED"
    COURSES_RATED = "COURSES_RATED"
    STAGES_PASSED = "STAGES_PASSED"
    TASKS_CLAIMED = "TASKS_CLAIMED"
    DUELS_WON = "DUELS_WON"
    STORIES_PUBLISHED = "STORIES_PUBLISHED"
    LIFETIME_POINTS = "LIFETIME_POINTS"
    LEARNED_DAYS = "LEARNED_DAYS"
    BEST_STREAK_DAYS = "BEST_STREAK_DAYS"
    LEARNING_SECONDS = "LEARNING_SECONDS"


class NoticeKind(StrEnum):
    """What a member is told; what each says stands in `schema/notice_kinds.py`."""

    LEVEL_REACHED = "LEVEL_REACHED"
    BADGE_EARNED = "BADGE_EARNED"
    LEAGUE_RESULT = "LEAGUE_RESULT"
    LEAGUE_CORRECTED = "LEAGUE_CORRECTED"
    SEASON_PRIZE = "SEASON_PRIZE"
    REDEMPTION_ADVANCED = "REDEMPTION_ADVANCED"
    STORY_PUBLISHED = "STORY_PUBLISHED"
    STORY_REFUSED = "STORY_REFUSED"
    STORY_WITHDRAWN = "STORY_WITHDRAWN"
    CONTEST_PRIZE = "CONTEST_PRIZE"
    LIVE_SEAT_PROMOTED = "LIVE_SEAT_PROMOTED"
    LIVE_LESSON_MOVED = "LIVE_LESSON_MOVED"
    LIVE_LESSON_CANCELLED = "LIVE_LESSON_CANCELLED"
    COURSE_PUBLISHED = "COURSE_PUBLISHED"
    COURSE_RETURNED = "COURSE_RETURNED"
    LIVE_DAY_BEFORE = "LIVE_DAY_BEFORE"
    LIVE_HOUR_BEFORE = "LIVE_HOUR_BEFORE"
    LIVE_SOON = "LIVE_SOON"
    LIVE_STARTED = "LIVE_STARTED"
    LIVE_REPLAY_READY = "LIVE_REPLAY_READY"
    COURSE_DUE_SOON = "COURSE_DUE_SOON"
    COURSE_DUE = "COURSE_DUE"
    COURSE_OVERDUE = "COURSE_OVERDUE"
    CLASS_SEAT_GAINED = "CLASS_SEAT_GAINED"
    CLASS_MOVED = "CLASS_MOVED"
    CLASS_CANCELLED = "CLASS_CANCELLED"


class ReminderOutcome(StrEnum):
    """How a planned reminder ended. For the operator alone; no client sees it."""

    TOLD = "TOLD"
    WITHDRAWN = "WITHDRAWN"
    TOO_LATE = "TOO_LATE"


class LiveStatus(StrEnum):
    """How far a live lesson is; which move and which change each allows stands in `services/live_states.py`."""

    DRAFT = "DRAFT"
    SCHEDULED = "SCHEDULED"
    REHEARSAL = "REHEARSAL"
    LIVE = "LIVE"
    INTERRUPTED = "INTERRUPTED"
    ENDED = "ENDED"
    REPLAY_READY = "REPLAY_READY"
    ARCHIVED = "ARCHIVED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class LiveScope(StrEnum):
    """Which lessons of a series a change is for."""

    THIS = "THIS"
    THIS_AND_FOLLOWING = "THIS_AND_FOLLOWING"


class SeatState(StrEnum):
    """What a reservation has come to."""

    SEATED = "SEATED"
    WAITLISTED = "WAITLISTED"
    CANCELLED = "CANCELLED"


class LiveMessageKind(StrEnum):
    """What is said in a live lesson's room."""

    CHAT = "CHAT"
    QUESTION = "QUESTION"


class RoomEventKind(StrEnum):
    """What happens in a live lesson's room; one type of `LiveRoomEvent` each."""

    STATUS_CHANGED = "STATUS_CHANGED"
    MESSAGE_POSTED = "MESSAGE_POSTED"
    MESSAGE_REMOVED = "MESSAGE_REMOVED"
    POLL_OPENED = "POLL_OPENED"
    POLL_CLOSED = "POLL_CLOSED"
    CHECK_IN_ASKED = "CHECK_IN_ASKED"
    AUDIENCE_CHANGED = "AUDIENCE_CHANGED"
    PRODUCT_PINNED = "PRODUCT_PINNED"


class AttendanceOutcome(StrEnum):
    """What became of a learner and a live lesson, by the lesson's credit rule."""

    PRESENT = "PRESENT"
    LATE = "LATE"
    PARTIAL = "PARTIAL"
    ABSENT = "ABSENT"
    EXCUSED = "EXCUSED"
    REPLAY = "REPLAY"


class OfflineClassStatus(StrEnum):
    """How far an offline class is; by its times, and by whether it was called off."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


class PushProvider(StrEnum):
    """Who carries a push to the phone."""

    JPUSH = "JPUSH"
    APNS = "APNS"
    FCM = "FCM"


class Language(StrEnum):
    """Languages of messages, spelled as in Accept-Language."""

    CHINESE = "zh-CN"
    ENGLISH = "en"
