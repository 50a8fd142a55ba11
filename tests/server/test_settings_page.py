"""docs/running.md says what the settings say."""

from kit.settings import Settings
from server.settings_page import PAGE, table, with_table


def test_the_table_of_settings_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert with_table(page) == page, "docs/running.md is behind: make docs"


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_no_secret_stands_in_the_table() -> None:
    assert Settings.model_fields["secret"].default.get_secret_value() not in table()
