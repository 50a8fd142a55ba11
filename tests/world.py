"""Builders in the words of the academy: a test says who and what there is, and leaves out what does not matter.

Each noun's builders stand together; what they make is made through the services wherever one exists.
"""

from services.ports import Ports


class World:
    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self._counts: dict[str, int] = {}

    def next(self, what: str) -> int:
        """1, 2, 3, ... for each kind of thing; for codes and names that must differ."""
        self._counts[what] = self._counts.get(what, 0) + 1
        return self._counts[what]
