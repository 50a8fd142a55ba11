from gamification.facts import Fact, QuizPassed
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "quiz.first_try"
FACT = QuizPassed
TITLE = Title("一次通过测验", "Quiz passed at the first try")
ONCE_PER = OncePer.QUIZ
LIMITS = Limits(200, 2_000)


def claim(fact: Fact) -> Claim | None:
    """On top of what passing pays."""
    if not isinstance(fact, QuizPassed) or fact.tries > 1:
        return None
    return Claim(CODE, "Quiz", fact.quiz_id, "", fact.occurred_at)
