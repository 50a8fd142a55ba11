"""The tables behind the boards whose keys have several columns, their rules, and the boards there are."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

METRICS = "('POINTS', 'COURSES_COMPLETED', 'LEARNING_SECONDS', 'STREAK_DAYS', 'LIVE_ATTENDANCES')"
TIERS = "('NEW', 'ORDINARY', 'MODERN', 'PARTNER')"

TABLES = f"""
CREATE TABLE metric_days (
    member_id uuid NOT NULL,
    metric varchar(20) NOT NULL CONSTRAINT metric_days_metric_known CHECK (metric IN {METRICS}),
    day date NOT NULL,
    outlet_id uuid NOT NULL,
    region_id uuid NOT NULL,
    tier varchar(10) NOT NULL CONSTRAINT metric_days_tier_known CHECK (tier IN {TIERS}),
    amount bigint NOT NULL,
    reached_at timestamptz,
    CONSTRAINT metric_days_pkey PRIMARY KEY (member_id, metric, day, outlet_id, region_id, tier),
    CONSTRAINT metric_days_reached_that_day
        CHECK (reached_at IS NULL OR (reached_at AT TIME ZONE 'Asia/Shanghai')::date = day)
);
CREATE INDEX metric_days_day ON metric_days (metric, day);
CREATE INDEX metric_days_outlet ON metric_days (outlet_id, day);
CREATE INDEX metric_days_region ON metric_days (region_id, day);

CREATE TABLE board_versions (
    subject_kind varchar(10) NOT NULL
        CONSTRAINT board_versions_kind_known CHECK (subject_kind IN ('MEMBER', 'OUTLET', 'REGION')),
    subject_id uuid NOT NULL,
    version bigint NOT NULL CONSTRAINT board_versions_counts_up CHECK (version >= 1),
    CONSTRAINT board_versions_pkey PRIMARY KEY (subject_kind, subject_id)
);

CREATE TABLE region_marks (
    region_id uuid NOT NULL CONSTRAINT region_marks_pkey PRIMARY KEY,
    marks bigint NOT NULL,
    done bigint NOT NULL,
    CONSTRAINT region_marks_in_order CHECK (done BETWEEN 0 AND marks)
);

CREATE TABLE frozen_totals (
    period_id uuid NOT NULL CONSTRAINT frozen_totals_period_fk REFERENCES board_periods (id) ON DELETE RESTRICT,
    metric varchar(20) NOT NULL CONSTRAINT frozen_totals_metric_known CHECK (metric IN {METRICS}),
    member_id uuid NOT NULL,
    day date NOT NULL,
    outlet_id uuid NOT NULL,
    region_id uuid NOT NULL,
    tier varchar(10) NOT NULL CONSTRAINT frozen_totals_tier_known CHECK (tier IN {TIERS}),
    amount bigint NOT NULL,
    reached_at timestamptz,
    CONSTRAINT frozen_totals_pkey PRIMARY KEY (period_id, metric, member_id, day, outlet_id, region_id, tier)
);
"""

CONSTRAINTS = """
ALTER TABLE board_definitions
    ADD CONSTRAINT board_definitions_key_spelled CHECK (key = metric || '.' || period || '.' || subject);
ALTER TABLE board_periods
    ADD CONSTRAINT board_periods_period_known CHECK (period IN ('DAY', 'WEEK', 'MONTH', 'QUARTER', 'SEASON')),
    ADD CONSTRAINT board_periods_length CHECK (ends_on > starts_on AND ends_on - starts_on <= 366),
    ADD CONSTRAINT board_periods_phase_known CHECK (phase IN ('GRACE', 'FROZEN', 'AWARDED')),
    ADD CONSTRAINT board_periods_frozen_whole
        CHECK ((phase = 'GRACE') = (frozen_at IS NULL) AND (phase = 'GRACE') = (checksum IS NULL));
"""

# A closed period is final: its totals can be added while it closes, and never be changed or taken away.
FINAL = """
CREATE FUNCTION frozen_totals_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'frozen_totals is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER frozen_totals_final BEFORE UPDATE OR DELETE ON frozen_totals
    FOR EACH ROW EXECUTE FUNCTION frozen_totals_are_final();
CREATE TRIGGER frozen_totals_kept BEFORE TRUNCATE ON frozen_totals
    FOR EACH STATEMENT EXECUTE FUNCTION frozen_totals_are_final();
"""

SEED = """
INSERT INTO board_definitions (key, metric, period, subject, title, enabled)
SELECT m.metric || '.' || p.period || '.' || s.subject, m.metric, p.period, s.subject,
       s.title || m.title || p.title, true
FROM (VALUES ('POINTS', '积分'), ('COURSES_COMPLETED', '完课'), ('LEARNING_SECONDS', '学时'), ('STREAK_DAYS', '连学'),
             ('LIVE_ATTENDANCES', '直播')) AS m (metric, title),
     (VALUES ('DAY', '日榜'), ('WEEK', '周榜'), ('MONTH', '月榜'), ('QUARTER', '季榜'), ('SEASON', '赛季榜'),
             ('ALL_TIME', '总榜')) AS p (period, title),
     (VALUES ('MEMBER', ''), ('OUTLET', '门店'), ('REGION', '区域')) AS s (subject, title);
"""

UNDO = """
DELETE FROM board_definitions;
DROP TABLE frozen_totals, region_marks, board_versions, metric_days;
DROP FUNCTION frozen_totals_are_final;
ALTER TABLE board_definitions DROP CONSTRAINT board_definitions_key_spelled;
ALTER TABLE board_periods
    DROP CONSTRAINT board_periods_period_known, DROP CONSTRAINT board_periods_length,
    DROP CONSTRAINT board_periods_phase_known, DROP CONSTRAINT board_periods_frozen_whole;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0006_points")]  # noqa: RUF012 - Tortoise's shape
    operations = [  # noqa: RUF012 - Tortoise's shape
        RunSQL(TABLES + CONSTRAINTS + FINAL + SEED, reverse_sql=UNDO)
    ]
