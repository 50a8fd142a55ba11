"""What members, grants, sessions, codes and the audit promise beyond their columns."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

ACCOUNTS = """
ALTER TABLE members
    ADD CONSTRAINT members_avatar_fk FOREIGN KEY (avatar_media_id) REFERENCES media_assets (id),
    ADD CONSTRAINT members_name_present CHECK (display_name <> ''),
    ADD CONSTRAINT members_phone_whole CHECK (num_nulls(phone_cipher, phone_index, masked_phone) IN (0, 3)),
    ADD CONSTRAINT members_suspended_whole CHECK (suspended_at IS NOT NULL OR suspended_reason IS NULL);

ALTER TABLE role_grants
    ADD CONSTRAINT role_grants_learner_everywhere CHECK (role <> 'LEARNER' OR region_id IS NULL);
CREATE UNIQUE INDEX role_grants_active ON role_grants (member_id, role, region_id) NULLS NOT DISTINCT
    WHERE revoked_at IS NULL;
CREATE INDEX role_grants_by_role ON role_grants (role, member_id) WHERE revoked_at IS NULL;
"""

SESSIONS = """
ALTER TABLE sessions
    ADD CONSTRAINT sessions_end_reasoned CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    ADD CONSTRAINT sessions_end_reason_known
        CHECK (end_reason IN ('SIGNED_OUT', 'REUSED', 'SUSPENDED')),
    ADD CONSTRAINT sessions_expiry_later CHECK (expires_at > created_at);
CREATE INDEX sessions_open ON sessions (member_id, last_seen_at DESC, id DESC) WHERE ended_at IS NULL;

ALTER TABLE refresh_tokens
    ADD CONSTRAINT refresh_tokens_hash_sha256 CHECK (hash ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT refresh_tokens_expiry_later CHECK (expires_at >= created_at);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
CREATE INDEX sessions_over ON sessions (least(ended_at, expires_at));

ALTER TABLE sign_in_codes
    ADD CONSTRAINT sign_in_codes_purpose_known CHECK (purpose IN ('SIGN_IN', 'CHANGE_PHONE_OLD', 'CHANGE_PHONE_NEW')),
    ADD CONSTRAINT sign_in_codes_tries_range CHECK (tries BETWEEN 0 AND 5);
CREATE INDEX sign_in_codes_phone ON sign_in_codes (phone_index, created_at DESC);
CREATE INDEX sign_in_codes_age ON sign_in_codes (created_at);
CREATE INDEX password_failures_phone ON password_failures (phone_index, failed_at DESC);
CREATE INDEX password_failures_age ON password_failures (failed_at);
"""

AUDIT = """
CREATE INDEX audit_entries_newest ON audit_entries (at DESC, id DESC);
CREATE INDEX audit_entries_actor ON audit_entries (actor_id, at DESC, id DESC);
CREATE INDEX audit_entries_object ON audit_entries (object_type, object_id, at DESC, id DESC);
CREATE FUNCTION refuse_rewriting_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_entries is append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_audit();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_audit();
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]  # noqa: RUF012 - Tortoise's shape
    operations = [RunSQL(ACCOUNTS), RunSQL(SESSIONS), RunSQL(AUDIT)]  # noqa: RUF012 - Tortoise's shape
