from dataclasses import replace

import pytest

from services.ports import Ports
from tests.accounts.letters import Letterbox


@pytest.fixture
def ports(ports: Ports) -> Ports:
    """As everywhere, but messages are kept and can be read."""
    return replace(ports, sms=Letterbox())
