"""`search_terms` says itself which function it calls: a restore from pg_dump has no search path to find it by."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

BOUND = """
CREATE OR REPLACE FUNCTION search_terms(title text, summary text, tags text[]) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN search_terms(title || ' ' || summary || ' ' || array_to_string(tags, ' '));
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0028_push")]  # noqa: RUF012 - Tortoise's shape
    operations = [RunSQL(BOUND, reverse_sql="")]  # noqa: RUF012 - Tortoise's shape
