"""Marks along a member's learned days, from which streaks are found."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

FORWARD = """
CREATE TABLE streak_marks (
    member_id uuid NOT NULL CONSTRAINT streak_marks_member REFERENCES members (id),
    day date NOT NULL,
    days integer NOT NULL,
    in_row integer NOT NULL,
    cards smallint NOT NULL,
    best_days integer NOT NULL,
    CONSTRAINT streak_marks_pkey PRIMARY KEY (member_id, day),
    CONSTRAINT streak_marks_days CHECK (in_row BETWEEN 1 AND days AND days <= best_days),
    CONSTRAINT streak_marks_cards CHECK (cards BETWEEN 0 AND 2)
);
"""

UNDO = "DROP TABLE streak_marks;"


class Migration(migrations.Migration):
    dependencies = [("models", "0015_seasons"), ("models", "0015_tariff")]  # noqa: RUF012 - Tortoise's shape
    operations = [RunSQL(FORWARD, reverse_sql=UNDO)]  # noqa: RUF012 - Tortoise's shape
