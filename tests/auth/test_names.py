import pytest

from auth.names import clean_name
from kit.errors import DomainError


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("阿May", "阿May"),
        ("  陈  强 ", "陈 强"),
        ("e\u0301lan", "élan"),
        ("买买提·吐尔逊", "买买提·吐尔逊"),
        ("👩\u200d🌾", "👩\u200d🌾"),
        ("店" * 24, "店" * 24),
        ("𠮷野", "𠮷野"),
    ],
)
def test_what_people_are_called_is_kept_in_one_spelling(text: str, name: str) -> None:
    assert clean_name(text, "name") == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "店" * 25,
        "a\nb",
        "a\tb",
        "a\0b",
        "\u202eabc",
        "a\u200bb",
        "\u2028",
        "\ue000",
        "\ud800",
        "\u200d",
        "\ufeffx",
        "\x7f",
    ],
)
def test_nothing_unseen_and_nothing_too_long_is_a_name(text: str) -> None:
    with pytest.raises(DomainError) as refused:
        clean_name(text, "displayName")

    assert (refused.value.code.value, refused.value.field) == ("BAD_USER_INPUT", ("displayName",))
