"""The table of all settings in docs/running.md, made from `Settings`; `make docs` writes it anew."""

from enum import Enum
from pathlib import Path

from pydantic import SecretStr

from kit.settings import Settings

PAGE = Path(__file__).parents[1] / "docs/running.md"
BEGIN, END = "<!-- settings: make docs -->\n", "<!-- end of settings -->\n"


def table() -> str:
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        meaning = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `ACADEMY_{name.upper()}` | {_shown(field.default)} | {meaning} |")
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def _shown(default: object) -> str:
    match default:
        case None:
            return ""
        case SecretStr() as secret:
            return "one for laptops" if secret.get_secret_value() else ""
        case bool():
            return f"`{str(default).lower()}`"
        case Enum():
            return f"`{default.value}`"
        case tuple():
            return f"`{', '.join(map(str, default))}`"
        case _:
            return f"`{default}`"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
