"""Sealing of small secrets at rest: AES-256-GCM under one key, bound to what they are."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kit.ids import new_bytes

NONCE_BYTES = 12


class Seal:
    def __init__(self, key: bytes) -> None:
        """`key` is 32 bytes."""
        self._cipher = AESGCM(key)

    def close(self, plain: bytes, purpose: str) -> bytes:
        """`plain` encrypted; it opens again only with the same `purpose`. A new text each time."""
        nonce = new_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """What was sealed; ValueError if it was changed, or sealed by another key or for another purpose."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
        except InvalidTag as error:
            raise ValueError("sealed by another key, or damaged") from error
