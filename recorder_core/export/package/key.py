"""The recorder's signing key, in `signing.key` of the data folder, made when it is first needed.

The file has mode 0600. The key leaves the process in no message and no repr. A file that cannot be read is never
replaced: packages that were signed with it would have nobody to vouch for them.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Self

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.storage.files import storage_error, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE_NAME = "signing.key"

_MAKING = Lock()
"""Two packages that are the first ones must not make a key each, the second in the place of the first."""


class SigningKey:
    """Signs; tells its public half and nothing else."""

    __slots__ = ("_key", "fingerprint", "public_pem")

    def __init__(self, key: Ed25519PrivateKey, public_pem: bytes, fingerprint: str) -> None:
        """Wrap a private key; its public half and the fingerprint of that are those of `ed25519`."""
        self._key = key
        self.public_pem = public_pem
        self.fingerprint = fingerprint

    @classmethod
    def of(cls, data: Path) -> Self:
        """Return the key of a data folder, made if there is none. Blocks.

        Raises:
            StorageError: the file cannot be read or written, or holds no Ed25519 key.
        """
        from . import ed25519  # noqa: PLC0415  # 7 MB that a recorder does without until it signs something

        with _MAKING:
            pem = _read(data / FILE_NAME)
            if pem is None:
                key, pem = ed25519.new_key()
                _write(data / FILE_NAME, pem)
            else:
                found = ed25519.read_private(pem)
                if found is None:
                    sentence = f"{FILE_NAME} holds no Ed25519 key."
                    raise StorageError(ErrorCode.STORAGE_FAILED, sentence, file=FILE_NAME)
                key = found
        public = key.public_key()
        return cls(key, ed25519.public_pem(public), ed25519.fingerprint(public))

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`, 64 bytes."""
        return self._key.sign(data)


def key_mark(data: Path) -> str | None:
    """Return what tells the key's file in a data folder from another one that takes its place; None without one.

    Blocks. It is not read, and nothing follows from the mark about the key.
    """
    try:
        stat = (data / FILE_NAME).stat()
    except FileNotFoundError:
        return None
    return f"{stat.st_ino} {stat.st_size} {stat.st_mtime_ns}"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(error, "Reading the signing key") from error


def _write(path: Path, pem: bytes) -> None:
    try:
        write_private(path, pem)
    except OSError as error:
        raise storage_error(error, "Writing the signing key") from error
