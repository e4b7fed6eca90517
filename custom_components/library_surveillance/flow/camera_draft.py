"""A camera while somebody fills in its form: what was typed, what is stored, what is tried. Pure.

The password is never handed back to a form; an empty field keeps the one that is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from homeassistant.const import CONF_NAME, CONF_PASSWORD, CONF_URL, CONF_USERNAME, CONF_VERIFY_SSL

from custom_components.library_surveillance.const import CONF_EXPOSE_VIDEO, CONF_SOURCE
from recorder_core.models import ProbeRequest, SourceKind

from .forms import SECTION_ADVANCED, SECTION_RETENTION
from .keeping import Keeping

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigSubentry

    from .address import CameraAddress
    from .forms import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraDraft:
    """One camera's settings; `password` without `username` does not exist."""

    name: str = ""
    url: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    source: SourceKind = SourceKind.AUTO
    verify_tls: bool = True
    expose_video: bool = False
    keeping: Keeping = field(default_factory=Keeping)

    @classmethod
    def from_subentry(cls, subentry: ConfigSubentry) -> Self:
        """Return the settings of a camera that exists."""
        data = subentry.data
        return cls(
            name=subentry.title,
            url=data[CONF_URL],
            username=data.get(CONF_USERNAME),
            password=data.get(CONF_PASSWORD),
            source=SourceKind(data[CONF_SOURCE]),
            verify_tls=data.get(CONF_VERIFY_SSL, True),
            expose_video=data[CONF_EXPOSE_VIDEO],
            keeping=Keeping.of(data),
        )

    def typed(self, form: Form) -> Self:
        """Return the settings as the form says; an empty password keeps the known one."""
        advanced = form[SECTION_ADVANCED]
        return replace(
            self,
            name=form[CONF_NAME].strip(),
            url=form[CONF_URL].strip(),
            source=SourceKind(advanced[CONF_SOURCE]),
            verify_tls=advanced[CONF_VERIFY_SSL],
            expose_video=form[CONF_EXPOSE_VIDEO],
            keeping=Keeping.of(form[SECTION_RETENTION]),
        ).with_credentials(form.get(CONF_USERNAME), form.get(CONF_PASSWORD))

    def with_credentials(self, username: str | None, password: str | None) -> Self:
        """Return the settings with these credentials; without a user name there is no password."""
        username = (username or "").strip() or None
        return replace(self, username=username, password=(password or self.password) if username else None)

    def at(self, address: CameraAddress) -> Self:
        """Return the settings with an address; credentials that stood in it win over typed ones."""
        draft = replace(self, url=address.url)
        return draft if address.username is None else draft.with_credentials(address.username, address.password)

    def form_values(self) -> Form:
        """Return what the form shows again: all but the password."""
        return {
            CONF_NAME: self.name,
            CONF_URL: self.url,
            CONF_USERNAME: self.username or "",
            CONF_EXPOSE_VIDEO: self.expose_video,
            SECTION_RETENTION: self.keeping.data(),
            SECTION_ADVANCED: {CONF_SOURCE: self.source.value, CONF_VERIFY_SSL: self.verify_tls},
        }

    def data(self) -> dict[str, str | bool | float]:
        """Return the subentry's data; the name is its title, absent credentials and rules have no key."""
        credentials = {CONF_USERNAME: self.username, CONF_PASSWORD: self.password}
        return {
            CONF_URL: self.url,
            **{key: value for key, value in credentials.items() if value is not None},
            CONF_SOURCE: self.source.value,
            CONF_VERIFY_SSL: self.verify_tls,
            CONF_EXPOSE_VIDEO: self.expose_video,
            **self.keeping.data(),
        }

    def probe_request(self, *, still: bool) -> ProbeRequest:
        """Return what the recorder is asked to try."""
        return ProbeRequest(
            url=self.url,
            username=self.username,
            password=self.password,
            source=self.source,
            verify_tls=self.verify_tls,
            still=still,
        )
