"""Prints short messages instead of sending them: for a laptop; a production start refuses it.

Of the number it shows the end alone: it comes to lie beside the logs.
"""

import sys

TEXT = "【成长学院】验证码{code}，5分钟内有效。请勿告诉他人。"


class ConsoleSms:
    async def send_code(self, phone: str, code: str) -> None:
        print(f"SMS to ...{phone[-4:]}: {TEXT.format(code=code)}", file=sys.stderr, flush=True)
