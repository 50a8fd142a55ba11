"""Tables and every question asked of them. Nothing above this floor writes SQL."""

MODULES = (
    "models.accounts",
    "models.audit",
    "models.outlets",
    "models.courses",
    "models.progress",
    "models.points",
    "models.boards",
    "models.outbox",
)
