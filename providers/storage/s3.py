"""Media in an S3-compatible bucket. Phones put and get through signed addresses; we copy, verify and delete.

boto3 does the transfers, in threads: it is not async. Addresses are signed by hand (`sigv4.py`), which needs no client.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kit.errors import DomainError, ErrorCode
from kit.settings import Settings
from providers.storage.base import PutAddress
from providers.storage.local import KEY, PIECE_BYTES
from providers.storage.sigv4 import Credentials, presigned

PART_BYTES = 8 * 1024 * 1024
"""What is held of a long write; S3 takes no part below 5 MiB but the last."""
GONE = {"404", "NoSuchKey", "NotFound"}
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

T = TypeVar("T")


class S3Storage:
    def __init__(self, settings: Settings) -> None:
        assert settings.s3_bucket is not None, "asked for by `require_known_providers`"
        assert settings.s3_access_key_id is not None
        assert settings.s3_secret_access_key is not None
        self._bucket = settings.s3_bucket
        self._credentials = Credentials(
            settings.s3_access_key_id.get_secret_value(),
            settings.s3_secret_access_key.get_secret_value(),
            settings.s3_region,
        )
        endpoint = settings.s3_endpoint or f"https://s3.{settings.s3_region}.amazonaws.com"
        scheme, host = endpoint.rstrip("/").split("://", 1)
        by_path = settings.s3_path_style
        self._origin = f"{scheme}://{host}" if by_path else f"{scheme}://{self._bucket}.{host}"
        self._base = f"/{self._bucket}/" if by_path else "/"
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=settings.s3_region,
            aws_access_key_id=self._credentials.access_key_id,
            aws_secret_access_key=self._credentials.secret_access_key,
            config=Config(
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=30,
                retries={"max_attempts": 3, "mode": "standard"},
                max_pool_connections=20,
                s3={"addressing_style": "path" if by_path else "virtual"},
                # Many servers that speak S3 do not know the checksums boto3 would add by itself.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    async def put(self, key: str, content: bytes) -> None:
        await self._call(self._client.put_object, Key=_key(key), Body=content)

    async def put_pieces(self, key: str, pieces: AsyncIterator[bytes]) -> int:
        """In parts; what is not completed is aborted, and if we are killed the bucket's own rule forgets it."""
        size_bytes, held = 0, bytearray()
        upload_id: str | None = None
        parts: list[dict[str, object]] = []

        async def send() -> None:
            nonlocal upload_id
            if upload_id is None:
                begun = await self._call(self._client.create_multipart_upload, Key=_key(key))
                upload_id = begun["UploadId"]
            number = len(parts) + 1
            sent = await self._call(
                self._client.upload_part, Key=key, UploadId=upload_id, PartNumber=number, Body=bytes(held)
            )
            parts.append({"ETag": sent["ETag"], "PartNumber": number})
            held.clear()

        try:
            async for piece in pieces:
                size_bytes += len(piece)
                held += piece
                if len(held) >= PART_BYTES:
                    await send()
            if upload_id is None:
                await self.put(key, bytes(held))
                return size_bytes
            if held:
                await send()
            await self._call(
                self._client.complete_multipart_upload, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
            )
        except BaseException:
            if upload_id is not None:
                await asyncio.shield(self._call(self._client.abort_multipart_upload, Key=key, UploadId=upload_id))
            raise
        return size_bytes

    async def copy(self, source: str, target: str) -> None:
        """Inside the bucket: no byte comes here. Above 5 GiB S3 would want parts; nothing of ours is that large."""
        await self._call(
            self._client.copy_object, Key=_key(target), CopySource={"Bucket": self._bucket, "Key": _key(source)}
        )

    async def delete(self, key: str) -> None:
        await self._call(self._client.delete_object, Key=_key(key))

    async def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        if start >= stop:
            await self._call(self._client.head_object, Key=_key(key))
            return
        try:
            found = await self._call(self._client.get_object, Key=_key(key), Range=f"bytes={start}-{stop - 1}")
        except _BeyondItsEnd:
            return
        body = found["Body"]
        try:
            while piece := await self._run(partial(body.read, PIECE_BYTES)):
                yield piece
        finally:
            await asyncio.to_thread(body.close)

    async def holds(self, key: str, size_bytes: int) -> bool:
        try:
            found = await self._call(self._client.head_object, Key=_key(key))
        except LookupError:
            return False
        return bool(found["ContentLength"] == size_bytes)

    def put_address(
        self, key: str, *, content_type: str, size_bytes: int, sha256: str, now: datetime, seconds: int
    ) -> PutAddress | None:
        """Length, type and checksum are signed: other bytes are refused by the bucket itself."""
        headers = {
            "content-length": str(size_bytes),
            "content-type": content_type,
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode(),
        }
        url = presigned(
            self._credentials,
            "PUT",
            self._origin,
            self._base + _key(key),
            now=now,
            seconds=seconds,
            headers=headers,
        )
        return PutAddress(url, headers)

    def get_address(self, key: str, method: str, content_type: str, *, now: datetime, seconds: int) -> str | None:
        query = {
            "response-cache-control": "private, max-age=31536000, immutable",
            "response-content-disposition": "inline",
            "response-content-type": content_type,
        }
        path = self._base + _key(key)
        return presigned(self._credentials, method, self._origin, path, now=now, seconds=seconds, query=query)

    async def _call(self, method: Callable[..., T], **words: object) -> T:
        return await self._run(partial(method, Bucket=self._bucket, **words))

    async def _run(self, work: Callable[[], T]) -> T:
        """In a thread; `LookupError` for what is not there, UNAVAILABLE for a bucket that cannot be reached."""
        try:
            return await asyncio.to_thread(work)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in GONE:
                raise LookupError(code) from error
            if code == "InvalidRange":
                raise _BeyondItsEnd from error
            raise DomainError(ErrorCode.UNAVAILABLE, retry_after_seconds=5) from error
        except BotoCoreError as error:
            raise DomainError(ErrorCode.UNAVAILABLE, retry_after_seconds=5) from error


class _BeyondItsEnd(Exception):
    """Nothing of the object lies in the range that was asked for."""


def _key(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError("not a storage key")
    return key


def missing_for_s3(settings: Settings) -> list[str]:
    """What is missing to keep media in a bucket, a sentence each."""
    wanted = {
        "ACADEMY_S3_BUCKET": settings.s3_bucket,
        "ACADEMY_S3_ACCESS_KEY_ID": settings.s3_access_key_id,
        "ACADEMY_S3_SECRET_ACCESS_KEY": settings.s3_secret_access_key,
    }
    missing = [f"ACADEMY_STORAGE_PROVIDER=s3 needs {name}." for name, value in wanted.items() if not value]
    if settings.s3_bucket and not BUCKET.fullmatch(settings.s3_bucket):
        missing.append("ACADEMY_S3_BUCKET is no name of a bucket.")
    return missing
