from gamification.facts import Fact, TaskClaimed
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "task.claimed"
FACT = TaskClaimed
TITLE = Title("完成任务", "Task done")
ONCE_PER = OncePer.TASK
LIMITS = Limits(None)


def claim(fact: Fact) -> Claim | None:
    """At the price of the task."""
    if not isinstance(fact, TaskClaimed):
        return None
    return Claim(CODE, "Task", fact.task_id, "", fact.occurred_at, fact.points)
