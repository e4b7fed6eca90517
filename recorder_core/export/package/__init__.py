"""Evidence packages: one zip of footage, manifest, proofs and signature that anybody can check without the product."""

from .key import SigningKey
from .order import CameraPlan, PackageOrder, RootProof

__all__ = ["CameraPlan", "PackageOrder", "RootProof", "SigningKey"]
