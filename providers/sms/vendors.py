"""What an account with a vendor consists of, and which settings it takes."""

from dataclasses import dataclass, field

from kit.settings import Settings, UnsafeSettings
from providers.sms.base import NotSent

NEEDED = ("sms_access_key_id", "sms_access_key_secret", "sms_sign_name", "sms_template")

NEEDS = {"aliyun": NEEDED, "tencent": (*NEEDED, "sms_app_id")}
"""The settings that have no default, by the provider that does not send without them."""


@dataclass(frozen=True, slots=True)
class Account:
    endpoint: str
    sign_name: str
    template: str
    template_abroad: str | None
    key_id: str = field(repr=False)
    key_secret: str = field(repr=False)

    def template_for(self, phone: str) -> str:
        """Vendors keep templates for numbers outside the mainland apart, and take no other for them."""
        if phone.startswith("+86"):
            return self.template
        if not self.template_abroad:
            raise NotSent("no template for numbers abroad")
        return self.template_abroad


def account_of(settings: Settings, endpoint: str) -> Account:
    """`endpoint` unless the settings name another."""
    key_id, secret = settings.sms_access_key_id, settings.sms_access_key_secret
    sign_name, template = settings.sms_sign_name, settings.sms_template
    if not (key_id and secret and sign_name and template):
        raise UnsafeSettings("\n".join(missing_settings(settings)))
    return Account(
        endpoint=(settings.sms_endpoint or endpoint).rstrip("/"),
        sign_name=sign_name,
        template=template,
        template_abroad=settings.sms_template_abroad,
        key_id=key_id.get_secret_value(),
        key_secret=secret.get_secret_value(),
    )


def missing_settings(settings: Settings) -> list[str]:
    """A sentence for each setting that the chosen SMS provider needs and has not; empty is missing too."""
    name = settings.sms_provider
    return [
        f"ACADEMY_{needed.upper()} is missing: the SMS provider {name} sends nothing without it."
        for needed in NEEDS.get(name, ())
        if not getattr(settings, needed)
    ]
