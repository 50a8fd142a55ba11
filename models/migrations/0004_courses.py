"""The catalogue's own rules: what a row may hold, how courses are searched and sorted."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

# The words of a text: Latin words and numbers whole; Chinese as overlapping pairs and, so that it can be found too, the
# last character alone. PostgreSQL's own parsers see no words in Chinese, and trigrams need three characters.
SEARCH = r"""
CREATE FUNCTION search_terms(content text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_to_tsvector(coalesce(array_agg(DISTINCT term), '{}'))
    FROM regexp_matches(lower(normalize(content, NFKC)),
                        '([a-z0-9]+)|([\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)', 'g') AS found (run)
    CROSS JOIN LATERAL (
        SELECT run[1] AS term WHERE run[1] IS NOT NULL
        UNION ALL
        SELECT substr(run[2], place, 2) FROM generate_series(1, length(run[2])) AS place
    ) terms
$$;
CREATE FUNCTION search_terms(title text, summary text, tags text[]) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT search_terms(title || ' ' || summary || ' ' || array_to_string(tags, ' '))
$$;
ALTER TABLE courses
    ADD COLUMN search tsvector NOT NULL GENERATED ALWAYS AS (search_terms(title, summary, tags)) STORED,
    ADD COLUMN listed_at timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(published_at, created_at)) STORED,
    ADD COLUMN rating_average double precision NOT NULL GENERATED ALWAYS AS
        (CASE WHEN rating_count = 0 THEN 0 ELSE rating_sum::double precision / rating_count END) STORED;
"""

# One index for each order; the filters narrow it or, where they are sharper, are read on their own.
INDEXES = """
CREATE INDEX courses_newest ON courses (status, listed_at DESC, id DESC);
CREATE INDEX courses_popular ON courses (status, view_count DESC, id DESC);
CREATE INDEX courses_best_rated ON courses (status, rating_average DESC, rating_count DESC, id DESC);
CREATE INDEX courses_module ON courses (module_id, status, listed_at DESC, id DESC);
CREATE INDEX courses_form ON courses (form, status, listed_at DESC, id DESC);
CREATE INDEX courses_kind ON courses (kind, status, listed_at DESC, id DESC);
CREATE INDEX courses_tiers ON courses USING gin (audience_tiers);
CREATE INDEX courses_search ON courses USING gin (search);
CREATE INDEX lessons_course ON lessons (course_id);
CREATE INDEX edition_lessons_lesson ON edition_lessons (lesson_id);
CREATE INDEX edition_lessons_media ON edition_lessons (media_id) WHERE media_id IS NOT NULL;
CREATE INDEX course_lecturers_member ON course_lecturers (member_id);
CREATE INDEX course_ratings_member ON course_ratings (member_id);
CREATE INDEX assignments_course ON assignments (course_id);
CREATE INDEX assignments_member ON assignments (member_id) WHERE member_id IS NOT NULL;
CREATE INDEX assignments_outlet ON assignments (outlet_id) WHERE outlet_id IS NOT NULL;
CREATE INDEX assignments_region ON assignments (region_id, tier) WHERE member_id IS NULL AND outlet_id IS NULL;
"""

CONSTRAINTS = """
ALTER TABLE courses
    ADD CONSTRAINT courses_edition_fk FOREIGN KEY (edition_id) REFERENCES course_editions (id)
        ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT courses_published_whole
        CHECK (status <> 'PUBLISHED' OR (edition_id IS NOT NULL AND published_at IS NOT NULL)),
    ADD CONSTRAINT courses_form_known CHECK (form IN ('VIDEO', 'AUDIO', 'ARTICLE', 'LIVE', 'OFFLINE_CLASS')),
    ADD CONSTRAINT courses_kind_known CHECK (kind IN ('REQUIRED', 'ELECTIVE', 'PUBLIC', 'PRACTICAL')),
    ADD CONSTRAINT courses_status_known CHECK (status IN ('DRAFT', 'IN_REVIEW', 'PUBLISHED', 'RETIRED')),
    ADD CONSTRAINT courses_tiers_known CHECK (audience_tiers <@ ARRAY['NEW', 'ORDINARY', 'MODERN', 'PARTNER']),
    ADD CONSTRAINT courses_percent_range CHECK (completion_percent BETWEEN 1 AND 100),
    ADD CONSTRAINT courses_counters_range CHECK (duration_seconds >= 0 AND points >= 0 AND view_count >= 0
        AND completion_count >= 0 AND rating_count >= 0 AND rating_sum BETWEEN rating_count AND 5 * rating_count);
ALTER TABLE course_editions ADD CONSTRAINT course_editions_number_range CHECK (number >= 1);
ALTER TABLE edition_lessons
    ADD CONSTRAINT edition_lessons_position_range CHECK (position >= 1),
    ADD CONSTRAINT edition_lessons_duration_range CHECK (duration_seconds BETWEEN 1 AND 86400),
    ADD CONSTRAINT edition_lessons_dwell_range CHECK (dwell_seconds BETWEEN 1 AND duration_seconds),
    ADD CONSTRAINT edition_lessons_has_content CHECK (media_id IS NOT NULL OR body IS NOT NULL);
ALTER TABLE media_assets
    ADD CONSTRAINT media_assets_kind_known CHECK (kind IN ('VIDEO', 'AUDIO', 'IMAGE')),
    ADD CONSTRAINT media_assets_size_range CHECK (size_bytes > 0),
    ADD CONSTRAINT media_assets_sha256_hex CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT media_assets_duration_range CHECK (duration_seconds > 0);
ALTER TABLE course_ratings ADD CONSTRAINT course_ratings_stars_range CHECK (stars BETWEEN 1 AND 5);
ALTER TABLE assignments
    ADD CONSTRAINT assignments_tier_known CHECK (tier IN ('NEW', 'ORDINARY', 'MODERN', 'PARTNER')),
    ADD CONSTRAINT assignments_one_target CHECK (
        CASE WHEN member_id IS NOT NULL THEN outlet_id IS NULL AND region_id IS NULL AND tier IS NULL
             WHEN outlet_id IS NOT NULL THEN region_id IS NULL AND tier IS NULL
             ELSE region_id IS NOT NULL OR tier IS NOT NULL END);
"""

# A projection beside the course's counters: what people of outlets of one tier have completed.
TIER_COMPLETIONS = """
CREATE TABLE tier_completions (
    course_id uuid NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
    tier varchar(10) NOT NULL CHECK (tier IN ('NEW', 'ORDINARY', 'MODERN', 'PARTNER')),
    completions integer NOT NULL CHECK (completions > 0),
    PRIMARY KEY (course_id, tier)
);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0003_outlets")]  # noqa: RUF012 - read as the framework declares it

    operations = [RunSQL(SEARCH + INDEXES + CONSTRAINTS + TIER_COMPLETIONS)]  # noqa: RUF012
