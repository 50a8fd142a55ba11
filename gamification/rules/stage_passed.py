from gamification.facts import Fact, StagePassed
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "stage.passed"
FACT = StagePassed
TITLE = Title("通过关卡", "Stage passed")
ONCE_PER = OncePer.STAGE
LIMITS = Limits(None)


def claim(fact: Fact) -> Claim | None:
    """At the price of the stage."""
    if not isinstance(fact, StagePassed):
        return None
    return Claim(CODE, "Stage", fact.stage_id, "", fact.occurred_at, fact.points)
