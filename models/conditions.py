"""A WHERE that is put together from what was asked for."""

from collections.abc import Sequence


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

    def add_subtrees(self, column: str, tops: Sequence[str]) -> None:
        """The path in `column` begins with one of `tops`, as an index of text_pattern_ops can read it."""
        stretches = " OR ".join(
            f"{column} ~>=~ {{{2 * number}}} AND {column} ~<~ {{{2 * number + 1}}}" for number in range(len(tops))
        )
        # "0" follows "/", with which every path ends.
        ends = [each for top in tops for each in (top, f"{top.removesuffix('/')}0")]
        self.add(f"({stretches or 'false'})", *ends)

    def __str__(self) -> str:
        return " AND ".join(self.parts) or "true"
