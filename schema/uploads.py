"""Uploads as clients see them: where to put the bytes, and the media they become."""

from datetime import datetime
from typing import Self

import strawberry

from schema.courses import Media
from schema.errors import Payload
from schema.ids import encode
from services.uploads import UploadTarget, WantedUpload


@strawberry.input(description="What is to be uploaded. None of it is believed: the bytes are measured.")
class RequestUploadInput:
    file_name: str = strawberry.field(description="What people call it, 1-200 characters; never used as a path.")
    content_type: str = strawberry.field(
        description="video/mp4, audio/mp4, audio/mpeg, image/jpeg, image/png; for admins text/csv and that of xlsx too."
    )
    size_bytes: int = strawberry.field(
        description="Exact. At most 200 MB of video, 50 MB of audio, 20 MB of a sheet, 10 MB of a picture."
    )
    sha256: str = strawberry.field(description="Of the whole file, in lower-case hex.")

    def plain(self) -> WantedUpload:
        return WantedUpload(self.file_name, self.content_type, self.size_bytes, self.sha256)


@strawberry.type(description="A header that goes with the PUT.")
class UploadHeader:
    name: str = strawberry.field(description="As content-type.")
    value: str = strawberry.field(description="To be sent exactly so.")


@strawberry.type(description="A file that is expected.")
class Upload:
    id: strawberry.ID = strawberry.field(description="For completeUpload, and for what is imported from it.")
    upload_url: str = strawberry.field(description="PUT the bytes here; signed, good until expiresAt.")
    headers: list[UploadHeader] = strawberry.field(description="To be sent with the PUT.")
    expires_at: datetime = strawberry.field(description="By then it must be put and completed.")

    @classmethod
    def of(cls, target: UploadTarget) -> Self:
        return cls(
            id=encode("Upload", target.upload.id),
            upload_url=target.url,
            headers=[UploadHeader(name=name, value=value) for name, value in target.headers.items()],
            expires_at=target.upload.expires_at,
        )


@strawberry.type(description="Where the bytes go.")
class RequestUploadPayload(Payload):
    upload: Upload | None = strawberry.field(default=None, description="The promise; null if refused.")


@strawberry.input(description="Which upload has been put.")
class CompleteUploadInput:
    upload_id: strawberry.ID = strawberry.field(description="One of the viewer's own.")


@strawberry.type(description="What the upload has become.")
class CompleteUploadPayload(Payload):
    media: Media | None = strawberry.field(
        default=None, description="Verified; of a sheet (CSV, xlsx) only to be imported. Null if refused."
    )
