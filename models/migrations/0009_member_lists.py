"""How members are listed: by when they joined, and by any two characters of their names."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

FORWARD = """
CREATE INDEX members_newest ON members (joined_at DESC, id DESC);
CREATE INDEX members_search ON members USING gin (character_pairs(display_name));
CREATE INDEX role_grants_region ON role_grants (region_id, member_id) WHERE revoked_at IS NULL;
CREATE INDEX audit_entries_region ON audit_entries (region_path text_pattern_ops, sequence DESC);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0008_audit_chain")]  # noqa: RUF012 - Tortoise's shape
    operations = [RunSQL(FORWARD)]  # noqa: RUF012 - Tortoise's shape
