"""What members agree to, who is known to be an adult, taking one's data along, and leaving."""

import strawberry

from kit.words import Role
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.accounts import Member
from schema.context import Info
from schema.ids import row_key
from schema.node import Node
from schema.privacy import (
    ConfirmAdultInput,
    ConfirmAdultPayload,
    Consent,
    DataExport,
    DeleteMyAccountInput,
    DeleteMyAccountPayload,
    ExportMyDataInput,
    ExportMyDataPayload,
    GiveConsentInput,
    GiveConsentPayload,
    RequestDeletionCodeInput,
    RequestDeletionCodePayload,
    WithdrawConsentInput,
    WithdrawConsentPayload,
)
from services import privacy, privacy_deletion, privacy_export


async def data_export_node(info: Info, key: str) -> Node | None:
    """One's own only."""
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(privacy_export.own_exports, actor).load(row_id)
    return DataExport.of(row) if row is not None else None


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

    @mutation(description="Have everything kept on the viewer made into a file (导出个人数据), ready within minutes.")
    async def export_my_data(self, info: Info, input: ExportMyDataInput) -> ExportMyDataPayload:
        export = await privacy_export.request_export(info.context.ports, viewer(info), input.idempotency_key)
        return ExportMyDataPayload(export=DataExport.of(export))

    @mutation(description="Send a code to the viewer's phone for `deleteMyAccount`.")
    async def request_deletion_code(self, info: Info, input: RequestDeletionCodeInput) -> RequestDeletionCodePayload:
        asked = await privacy_deletion.request_deletion_code(info.context.ports, viewer(info), input.device_id)
        return RequestDeletionCodePayload.of(asked)

    @mutation(description="Delete the viewer's account (注销账号), proved by a fresh code. It cannot be undone.")
    async def delete_my_account(self, info: Info, input: DeleteMyAccountInput) -> DeleteMyAccountPayload:
        deleted_at = await privacy_deletion.delete_account(info.context.ports, viewer(info), input.code)
        return DeleteMyAccountPayload(deleted_at=deleted_at)
