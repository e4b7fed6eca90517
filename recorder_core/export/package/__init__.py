"""Evidence packages: one zip of footage, manifest, proofs and signature that anybody can check without the product."""

from .findings import PackageFinding, PackageFlaw
from .key import SigningKey
from .order import CameraPlan, PackageOrder
from .verify import verify_package
from .write import package_bytes, write_package

__all__ = [
    "CameraPlan",
    "PackageFinding",
    "PackageFlaw",
    "PackageOrder",
    "SigningKey",
    "package_bytes",
    "verify_package",
    "write_package",
]
