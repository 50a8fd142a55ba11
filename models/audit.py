"""What was done by whom to what: written once, never changed (a trigger sees to it)."""

from tortoise import fields
from tortoise.models import Model


class AuditEntry(Model):
    """One deed. `actor_id` is None when the server itself acted. `details` holds no phone, token or code."""

    id = fields.UUIDField(primary_key=True)
    at = fields.DatetimeField()
    actor_id = fields.UUIDField(null=True)
    action = fields.CharField(40)
    object_type = fields.CharField(40)
    object_id = fields.UUIDField()
    details: dict[str, object] = fields.JSONField()

    class Meta:
        table = "audit_entries"
