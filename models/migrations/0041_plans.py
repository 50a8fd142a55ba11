# ruff: noqa: RUF012
"""What a member uploaded by when, and classes by their end: both were found by reading all there ever were."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

INDEXES = """
CREATE INDEX uploads_of_member ON uploads (member_id, created_at);
CREATE INDEX offline_classes_by_end ON offline_classes (ends_at);
"""

UNDO = """
DROP INDEX offline_classes_by_end;
DROP INDEX uploads_of_member;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0040_replay_credit")]
    operations = [RunSQL(INDEXES, reverse_sql=UNDO)]
