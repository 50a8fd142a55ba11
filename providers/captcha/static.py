"""A captcha for building an app against: one word solves it, every time. A production start refuses it."""

SOLVED = "human"


class StaticCaptcha:
    async def is_human(self, token: str, address: str) -> bool:
        return token == SOLVED
