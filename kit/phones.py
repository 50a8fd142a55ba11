"""Phone numbers: one spelling, kept encrypted, found by a keyed index, shown masked."""

import hashlib
import hmac

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from kit.errors import bad_input
from kit.seals import Seal

HOME_REGION = "CN"
LONGEST_INPUT = 32
REACHED_BY_SMS = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


class Phones:
    def __init__(self, key: bytes) -> None:
        """Both the cipher's key and the index's are derived from `key`."""
        self._seal = Seal(hmac.new(key, b"cipher", hashlib.sha256).digest())
        self._index_key = hmac.new(key, b"index", hashlib.sha256).digest()

    def normalise(self, text: str, *field: str) -> str:
        """The number in E.164 ("+8613800138000"); without a country code it is Chinese.

        BAD_USER_INPUT at the input field `field` if no SMS could reach it.
        """
        if len(text) > LONGEST_INPUT:
            raise bad_input(*field)
        try:
            number = phonenumbers.parse(text, HOME_REGION)
        except NumberParseException as error:
            raise bad_input(*field) from error
        reached = phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) in REACHED_BY_SMS
        if number.extension or not reached:
            raise bad_input(*field)
        return phonenumbers.format_number(number, PhoneNumberFormat.E164)

    def seal(self, phone: str) -> bytes:
        """An E.164 number as it is kept; a new text each time."""
        return self._seal.close(phone.encode(), "phone")

    def open(self, sealed: bytes) -> str:
        return self._seal.open(sealed, "phone").decode()

    def index(self, phone: str) -> str:
        """What an E.164 number is looked up by: HMAC-SHA256, hex; without the key no list of numbers can be tried."""
        return hmac.new(self._index_key, phone.encode(), hashlib.sha256).hexdigest()

    def mask(self, phone: str) -> str:
        """What people are shown of an E.164 number: "138****8000", abroad "+852 ****4567"."""
        if phone.startswith("+86"):
            return f"{phone[3:6]}****{phone[-4:]}"
        return f"+{phonenumbers.parse(phone).country_code} ****{phone[-4:]}"
