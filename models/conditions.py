"""A WHERE that is put together from what was asked for."""


class Conditions:
    """Parts of a WHERE with their arguments, numbered as they come."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.args: list[object] = []

    def add(self, part: str, *args: object) -> None:
        """`part` names its arguments {0}, {1}, ..."""
        places = [f"${len(self.args) + number}" for number in range(1, len(args) + 1)]
        self.parts.append(part.format(*places))
        self.args += args

    def __str__(self) -> str:
        return " AND ".join(self.parts) or "true"
