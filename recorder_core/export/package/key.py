"""The recorder's signing key: Ed25519 (RFC 8032), in `signing.key` of the data folder, made when it is first needed.

The file is PKCS #8 in PEM, mode 0600, so that public tools read it. The key leaves the process in no message and no
repr. Its fingerprint is the SHA-256 of the public key's SubjectPublicKeyInfo in DER (RFC 8410), in hexadecimal.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.storage.files import storage_error, write_private

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "signing.key"


class SigningKey:
    """Signs; tells its public half and nothing else."""

    __slots__ = ("_key", "fingerprint", "public_pem")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Wrap a private key."""
        self._key = key
        public = key.public_key()
        self.public_pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.fingerprint = fingerprint(public)

    @classmethod
    def of(cls, data: Path) -> Self:
        """Return the key of a data folder, made if there is none. Blocks.

        Raises:
            StorageError: the file cannot be read or written, or holds no Ed25519 key.
        """
        path = data / FILE_NAME
        try:
            return cls._read(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise storage_error(error, "Reading the signing key") from error
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            write_private(path, pem)
        except OSError as error:
            raise storage_error(error, "Writing the signing key") from error
        return cls(key)

    @classmethod
    def _read(cls, path: Path) -> Self:
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except ValueError, TypeError, UnsupportedAlgorithm:
            key = None  # the reason may quote what the file holds
        if not isinstance(key, Ed25519PrivateKey):
            raise StorageError(ErrorCode.STORAGE_FAILED, f"{FILE_NAME} holds no Ed25519 key.", file=FILE_NAME)
        return cls(key)

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`, 64 bytes."""
        return self._key.sign(data)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the fingerprint of a public key."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def read_public(pem: bytes) -> Ed25519PublicKey | None:
    """Return the Ed25519 key in a PEM file, None if there is none in it."""
    try:
        key = load_pem_public_key(pem)
    except ValueError, UnsupportedAlgorithm:
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def signed(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    """Tell whether `signature` is the key's over `data`."""
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True
