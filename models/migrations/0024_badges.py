# ruff: noqa: RUF012, S608
"""Badges and who earned them, what these tables promise, and the first twelve."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.ids import derived_id

RULES = """
ALTER TABLE badges
    ADD CONSTRAINT badges_threshold CHECK (threshold >= 1),
    ADD CONSTRAINT badges_one_picture CHECK (num_nulls(icon, icon_media_id) = 1),
    ADD CONSTRAINT badges_filling CHECK (filled_awards BETWEEN 0 AND filled_members);
CREATE INDEX badges_by_measure ON badges (measure, threshold, id);
CREATE INDEX badges_to_fill ON badges (created_at, id) WHERE filled_at IS NULL;

ALTER TABLE earned_badges
    ADD CONSTRAINT earned_badges_once UNIQUE (member_id, badge_id);
CREATE INDEX earned_badges_newest ON earned_badges (member_id, earned_at, id);
CREATE INDEX earned_badges_of_badge ON earned_badges (badge_id);
"""

# code, titles, descriptions, measure, threshold, icon
FIRST = (
    (
        "lessons.1",
        "初心",
        "First Step",
        "完成第1个课时",
        "Complete your first lesson",
        "LESSONS_COMPLETED",
        1,
        "sprout",
    ),
    (
        "lessons.100",
        "百课不辍",
        "A Hundred Lessons",
        "累计完成100个课时",
        "Complete 100 lessons",
        "LESSONS_COMPLETED",
        100,
        "book",
    ),
    (
        "courses.1",
        "第一门课",
        "First Course",
        "学完第1门课程",
        "Complete your first course",
        "COURSES_COMPLETED",
        1,
        "books",
    ),
    (
        "courses.10",
        "学有所成",
        "Well Read",
        "累计学完10门课程",
        "Complete 10 courses",
        "COURSES_COMPLETED",
        10,
        "graduate",
    ),
    (
        "courses.50",
        "满腹经纶",
        "A Library in Mind",
        "累计学完50门课程",
        "Complete 50 courses",
        "COURSES_COMPLETED",
        50,
        "trophy",
    ),
    (
        "streak.7",
        "七日不断",
        "Seven in a Row",
        "连续学习达到7天",
        "Reach a streak of 7 days",
        "BEST_STREAK_DAYS",
        7,
        "flame",
    ),
    (
        "streak.30",
        "三十日坚持",
        "Thirty Strong",
        "连续学习达到30天",
        "Reach a streak of 30 days",
        "BEST_STREAK_DAYS",
        30,
        "calendar",
    ),
    (
        "points.1000",
        "千分达人",
        "A Thousand Points",
        "累计积分达到1000分",
        "Reach 1,000 lifetime points",
        "LIFETIME_POINTS",
        1000,
        "star",
    ),
    (
        "hours.10",
        "十小时",
        "Ten Hours",
        "累计学习10小时",
        "Learn for 10 hours in all",
        "LEARNING_SECONDS",
        36000,
        "clock",
    ),
    ("ratings.10", "热心点评", "A Word for Others", "评价10门课程", "Rate 10 courses", "COURSES_RATED", 10, "speech"),
    (
        "stages.5",
        "闯关能手",
        "On the Way Up",
        "通过5个关卡",
        "Pass 5 stages of the path",
        "STAGES_PASSED",
        5,
        "mountain",
    ),
    ("tasks.30", "任务达人", "Always at It", "累计完成30个任务", "Complete 30 tasks", "TASKS_CLAIMED", 30, "medal"),
)


def seed(
    code: str, chinese: str, english: str, how_chinese: str, how_english: str, measure: str, threshold: int, icon: str
) -> str:
    """They hold from the beginning; who has reached them is given them by the worker."""
    texts = ", ".join(f"'{text}'" for text in (code, chinese, english, how_chinese, how_english, measure, icon))
    return (
        "INSERT INTO badges (id, code, title_chinese, title_english, description_chinese, description_english, measure,"
        " icon, threshold, enabled, valid_from, created_at, filled_members, filled_awards)"
        f" VALUES ('{derived_id('badge', code)}', {texts}, {threshold}, true,"
        " '2020-01-01 00:00+08', '2020-01-01 00:00+08', 0, 0);"
    )


class Migration(migrations.Migration):
    dependencies = [("models", "0023_facts_by_day"), ("models", "0023_suspicions")]

    operations = [
        ops.CreateModel(
            name="Badge",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("code", fields.CharField(unique=True, max_length=40)),
                ("title_chinese", fields.CharField(max_length=40)),
                ("title_english", fields.CharField(max_length=40)),
                ("description_chinese", fields.CharField(max_length=200)),
                ("description_english", fields.CharField(max_length=200)),
                ("measure", fields.CharField(max_length=30)),
                ("threshold", fields.IntField()),
                ("icon", fields.CharField(null=True, max_length=30)),
                (
                    "icon_media",
                    fields.ForeignKeyField(
                        "models.MediaAsset",
                        source_field="icon_media_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="badges",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("enabled", fields.BooleanField(default=True)),
                ("valid_from", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("fill_total", fields.IntField(null=True)),
                ("filled_after", fields.UUIDField(null=True)),
                ("filled_members", fields.IntField(default=0)),
                ("filled_awards", fields.IntField(default=0)),
                ("filled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "badges", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="EarnedBadge",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="earned_badges",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "badge",
                    fields.ForeignKeyField(
                        "models.Badge",
                        source_field="badge_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="earned",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("value", fields.BigIntField()),
                ("earned_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "earned_badges", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(RULES),
        RunSQL("\n".join(seed(*each) for each in FIRST)),
    ]
