from gamification.facts import Fact, QuizPassed
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "quiz.passed"
FACT = QuizPassed
TITLE = Title("通过测验", "Quiz passed")
ONCE_PER = OncePer.QUIZ
LIMITS = Limits(200, 2_000)


def claim(fact: Fact) -> Claim | None:
    """However many tries it took."""
    if not isinstance(fact, QuizPassed):
        return None
    return Claim(CODE, "Quiz", fact.quiz_id, "", fact.occurred_at)
