from typing import Any

import pytest

from kit.db import AcademyClient


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any]]]:
    """Every statement sent from now on with its values; the real ones, only written down."""
    sent: list[tuple[str, list[Any]]] = []
    passed_on = AcademyClient._translate_exceptions

    async def write_down(self: AcademyClient, func: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append((args[0], list(args[1] or ()) if len(args) > 1 else []))
        return await passed_on(self, func, *args, **kwargs)

    monkeypatch.setattr(AcademyClient, "_translate_exceptions", write_down)
    return sent
