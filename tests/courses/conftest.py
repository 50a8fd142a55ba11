from typing import Any

import pytest

from kit.db import AcademyClient


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement sent from now on; the real ones, only written down."""
    sent: list[str] = []
    passed_on = AcademyClient._translate_exceptions

    async def write_down(self: AcademyClient, func: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(str(args[0]))
        return await passed_on(self, func, *args, **kwargs)

    monkeypatch.setattr(AcademyClient, "_translate_exceptions", write_down)
    return sent
