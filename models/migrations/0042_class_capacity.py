# ruff: noqa: RUF012
"""A class never has more seats taken than there are, and is never made smaller than what is taken.

What goes against it already stays as it is; it can shrink, not grow. Whoever gives seats holds the row of the class, so
what is counted here is what will be committed.
"""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

RULES = """
CREATE FUNCTION refuse_overbooking(class_ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM offline_classes c WHERE c.id = ANY(class_ids) AND c.capacity <
               (SELECT count(*) FROM class_seats s WHERE s.offline_class_id = c.id AND s.state = 'SEATED')) THEN
        RAISE EXCEPTION 'a class has more seats taken than there are' USING ERRCODE = 'check_violation';
    END IF;
END $$;

CREATE FUNCTION class_seats_within_capacity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_overbooking(array_agg(DISTINCT offline_class_id)) FROM now_seats WHERE state = 'SEATED';
    RETURN NULL;
END $$;
CREATE TRIGGER class_seats_added_within_capacity AFTER INSERT ON class_seats
    REFERENCING NEW TABLE AS now_seats FOR EACH STATEMENT EXECUTE FUNCTION class_seats_within_capacity();
CREATE TRIGGER class_seats_given_within_capacity AFTER UPDATE ON class_seats
    REFERENCING NEW TABLE AS now_seats FOR EACH STATEMENT EXECUTE FUNCTION class_seats_within_capacity();

CREATE FUNCTION offline_classes_hold_the_seated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_overbooking(ARRAY[NEW.id]);
    RETURN NULL;
END $$;
CREATE TRIGGER offline_classes_hold_the_seated AFTER UPDATE OF capacity ON offline_classes
    FOR EACH ROW WHEN (NEW.capacity < OLD.capacity) EXECUTE FUNCTION offline_classes_hold_the_seated();
"""

UNDO = """
DROP TRIGGER offline_classes_hold_the_seated ON offline_classes;
DROP TRIGGER class_seats_given_within_capacity ON class_seats;
DROP TRIGGER class_seats_added_within_capacity ON class_seats;
DROP FUNCTION offline_classes_hold_the_seated, class_seats_within_capacity, refuse_overbooking;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0041_plans")]
    operations = [RunSQL(RULES, reverse_sql=UNDO)]
