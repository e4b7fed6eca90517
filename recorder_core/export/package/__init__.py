"""Evidence packages: one zip of footage, manifest, proofs and signature that anybody can check without the product."""

from .findings import PackageFinding, PackageFlaw
from .key import SigningKey
from .order import CameraPlan, PackageOrder, RootProof
from .verify import verify_package
from .write import package_bytes, write_package

__all__ = [
    "CameraPlan",
    "PackageFinding",
    "PackageFlaw",
    "PackageOrder",
    "RootProof",
    "SigningKey",
    "package_bytes",
    "verify_package",
    "write_package",
]
