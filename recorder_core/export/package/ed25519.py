"""Ed25519 (RFC 8032) by `cryptography`, as far as packages need it: keys in PEM, fingerprints, signatures.

A key's fingerprint is the SHA-256 of its public half's SubjectPublicKeyInfo in DER (RFC 8410), in hexadecimal. Loading
this module takes 7 MB, so the recorder does it with the first package and not before.
"""

from __future__ import annotations

import hashlib

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

_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


def new_key() -> tuple[Ed25519PrivateKey, bytes]:
    """Return a new private key, and what is to be kept of it: PKCS #8 in PEM, so that public tools read it."""
    key = Ed25519PrivateKey.generate()
    return key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_private(pem: bytes) -> Ed25519PrivateKey | None:
    """Return the Ed25519 key in a PEM file, None if there is none in it."""
    try:
        key = load_pem_private_key(pem, password=None)
    except _UNREADABLE:  # the reason may quote what the file holds
        return None
    return key if isinstance(key, Ed25519PrivateKey) else None


def read_public(pem: bytes) -> Ed25519PublicKey | None:
    """Return the Ed25519 key in a PEM file, None if there is none in it."""
    try:
        key = load_pem_public_key(pem)
    except _UNREADABLE:
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return a public key as SubjectPublicKeyInfo in PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the fingerprint of a public key."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def signed(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    """Tell whether `signature` is the key's over `data`."""
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True
