"""How every check of the flow refuses: the form's field, the key of a translated sentence, and its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    import probatio as vol

FORM: Final = "base"
"""Where a form shows what is no single field's fault."""


class FormFaultError(Exception):
    """Something in a form cannot be taken. Nothing was changed."""

    def __init__(self, field: str, key: str, **values: str) -> None:
        """Keep where and how the form shows it."""
        super().__init__(key)
        self.field: Final = field
        self.key: Final = key
        self.values: Final[Mapping[str, str]] = values


class Explained(TypedDict):
    """The part of a shown form that tells why it is shown again."""

    errors: dict[str, str]
    description_placeholders: dict[str, str]


def explained(fault: FormFaultError | None, schema: vol.Schema, **values: str) -> Explained:
    """Return what `async_show_form` takes: the fault at its field, or at the form where it has no such field."""
    if fault is None:
        return Explained(errors={}, description_placeholders=values)
    field = fault.field if fault.field in schema.schema else FORM
    return Explained(errors={field: fault.key}, description_placeholders={**values, **fault.values})
