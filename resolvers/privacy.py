"""What members agree to, and who is known to be an adult."""

import strawberry

from kit.words import Role
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.accounts import Member
from schema.context import Info
from schema.privacy import (
    ConfirmAdultInput,
    ConfirmAdultPayload,
    Consent,
    GiveConsentInput,
    GiveConsentPayload,
    WithdrawConsentInput,
    WithdrawConsentPayload,
)
from services import privacy


@strawberry.type
class PrivacyMutations:
    @mutation(description="Agree (同意) to the present version of what a purpose asks.")
    async def give_consent(self, info: Info, input: GiveConsentInput) -> GiveConsentPayload:
        given = await privacy.give_consent(info.context.ports, viewer(info), input.purpose, input.version)
        return GiveConsentPayload(consent=Consent.of(given))

    @mutation(description="Take back (撤回) what the viewer agreed to.")
    async def withdraw_consent(self, info: Info, input: WithdrawConsentInput) -> WithdrawConsentPayload:
        withdrawn = await privacy.withdraw_consent(info.context.ports, viewer(info), input.purpose)
        return WithdrawConsentPayload(consent=Consent.of(withdrawn))

    @mutation(description="Vouch, as an admin of where somebody works, that they are an adult (成年确认).")
    async def confirm_adult(self, info: Info, input: ConfirmAdultInput) -> ConfirmAdultPayload:
        row = await privacy.confirm_as_adult(info.context.ports, staff(info, Role.ADMIN), input.member())
        return ConfirmAdultPayload(member=Member.of(row), adult_confirmed_at=row.adult_confirmed_at)
