"""Uploads: asking for an address, and saying that the bytes are there."""

import strawberry

from resolvers.guard import viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.courses import Media
from schema.ids import decode
from schema.uploads import (
    CompleteUploadInput,
    CompleteUploadPayload,
    RequestUploadInput,
    RequestUploadPayload,
    Upload,
)
from services import uploads


@strawberry.type
class UploadMutations:
    @mutation(description="For staff: an address to put a file to. Then put it, then completeUpload.")
    async def request_upload(self, info: Info, input: RequestUploadInput) -> RequestUploadPayload:
        target = await uploads.request_upload(info.context.ports, viewer(info), input.plain())
        return RequestUploadPayload(upload=Upload.of(target))

    @mutation(description="Have what was put verified: size, checksum, type. Again it gives the same answer.")
    async def complete_upload(self, info: Info, input: CompleteUploadInput) -> CompleteUploadPayload:
        upload_id = decode(input.upload_id, "Upload", "uploadId")
        asset = await uploads.complete_upload(info.context.ports, viewer(info), upload_id)
        return CompleteUploadPayload(media=Media.of(asset))
