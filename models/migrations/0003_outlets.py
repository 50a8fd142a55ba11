"""What regions, outlets, posts and placements promise beyond their columns, and how an outlet is searched."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

# A code never holds "/", "%" or "_", so a path can be a LIKE pattern as it stands.
REGIONS = """
ALTER TABLE regions
    ADD CONSTRAINT regions_code_plain CHECK (code ~ '^[0-9A-Za-z-]+$'),
    ADD CONSTRAINT regions_name_present CHECK (name <> ''),
    ADD CONSTRAINT regions_kind_known CHECK (kind IN ('PROVINCE', 'CITY', 'COUNTY', 'STATION')),
    ADD CONSTRAINT regions_path_ends_in_code CHECK (path = code || '/' OR path LIKE '%/' || code || '/'),
    ADD CONSTRAINT regions_top_is_short CHECK ((parent_id IS NULL) = (path = code || '/'));
CREATE INDEX regions_subtree ON regions (path text_pattern_ops);
CREATE INDEX regions_children ON regions (parent_id, code, id);
"""

# Overlapping pairs of characters find Chinese words of two and parts of a code; a LIKE then confirms what they found.
OUTLETS = """
CREATE FUNCTION character_pairs(content text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT substr(lower(content), place, 2)), '{}')
    FROM generate_series(1, length(content) - 1) AS place
$$;
ALTER TABLE outlets
    ADD CONSTRAINT outlets_code_plain CHECK (code ~ '^[0-9A-Za-z-]+$'),
    ADD CONSTRAINT outlets_name_present CHECK (name <> ''),
    ADD CONSTRAINT outlets_tier_known CHECK (tier IN ('NEW', 'ORDINARY', 'MODERN', 'PARTNER')),
    ADD CONSTRAINT outlets_segment_range CHECK (segment BETWEEN 1 AND 25);
CREATE INDEX outlets_region ON outlets (region_id, code);
CREATE INDEX outlets_tier ON outlets (tier, code);
CREATE INDEX outlets_segment ON outlets (segment, code);
CREATE INDEX outlets_search ON outlets USING gin (character_pairs(code || ' ' || name));
"""

POSTS = """
ALTER TABLE posts
    ADD CONSTRAINT posts_member_fk FOREIGN KEY (member_id) REFERENCES members (id),
    ADD CONSTRAINT posts_role_known CHECK (role IN ('OWNER', 'CLERK')),
    ADD CONSTRAINT posts_until_later CHECK (until_at >= from_at),
    ADD CONSTRAINT posts_current_is_open CHECK (NOT is_current OR until_at IS NULL);
CREATE UNIQUE INDEX posts_one_current ON posts (member_id) WHERE is_current;
CREATE UNIQUE INDEX posts_open ON posts (member_id, outlet_id) WHERE until_at IS NULL;
CREATE UNIQUE INDEX posts_one_owner ON posts (outlet_id) WHERE role = 'OWNER' AND until_at IS NULL;
CREATE INDEX posts_at_outlet ON posts (outlet_id, member_id) WHERE until_at IS NULL;
CREATE INDEX posts_current_at_outlet ON posts (outlet_id) WHERE is_current;

ALTER TABLE placements
    ADD CONSTRAINT placements_once UNIQUE (member_id, from_at),
    ADD CONSTRAINT placements_tier_known CHECK (tier IN ('NEW', 'ORDINARY', 'MODERN', 'PARTNER'));
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0002_accounts")]  # noqa: RUF012 - Tortoise's shape
    operations = [RunSQL(REGIONS), RunSQL(OUTLETS), RunSQL(POSTS)]  # noqa: RUF012 - Tortoise's shape
