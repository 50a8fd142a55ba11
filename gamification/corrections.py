"""What an admin takes or gives by hand is booked under no rule of the game."""

from gamification.titles import Title

CORRECTED = "points.corrected"
TITLES = {CORRECTED: Title("积分更正", "Points corrected")}
