"""Tables and every question asked of them. Nothing above this floor writes SQL."""

MODULES = (
    "models.accounts",
    "models.sessions",
    "models.audit",
    "models.uploads",
    "models.outlets",
    "models.courses",
    "models.assignments",
    "models.progress",
    "models.points",
    "models.tariff",
    "models.boards",
    "models.seasons",
    "models.prizes",
    "models.consents",
    "models.exports",
    "models.rewards",
    "models.draws",
    "models.notices",
    "models.tasks",
    "models.outbox",
)
