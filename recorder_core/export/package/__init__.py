"""Evidence packages: one zip of footage, manifest, proofs and signature that anybody can check without the product.

This is how one is made; `verify` in here, which checks one, is for those who need it.
"""

from .key import SigningKey, key_mark
from .order import CameraPlan, PackageOrder
from .write import package_bytes, write_package

__all__ = [
    "CameraPlan",
    "PackageOrder",
    "SigningKey",
    "key_mark",
    "package_bytes",
    "write_package",
]
