"""What the tests of the config flow share besides `conftest`; they import these fixtures by name."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.library_surveillance.const import DOMAIN, GB
from custom_components.library_surveillance.flow import folders
from recorder_core.storage.folder_check import FolderCheck, check_folder

from .standing_recorder import StandingRecorder, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant


@pytest.fixture
def set_up_entries(monkeypatch: pytest.MonkeyPatch) -> list[ConfigEntry]:
    """The entries that a dialog created or changed; nothing of them is set up, for the test is about the dialog."""
    entries: list[ConfigEntry] = []

    async def set_up(_: HomeAssistant, entry: ConfigEntry) -> bool:
        entries.append(entry)
        return True

    async def unload(_: HomeAssistant, __: ConfigEntry) -> bool:
        return True

    monkeypatch.setattr("custom_components.library_surveillance.async_setup_entry", set_up)
    monkeypatch.setattr("custom_components.library_surveillance.async_unload_entry", unload)
    return entries


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk of 1000 GB with 400 GB free, whatever the machine has."""

    def checked(path: Path, **options: object) -> FolderCheck:
        found = check_folder(path, **options)  # type: ignore[arg-type]  # handed on as it came
        return FolderCheck(found.path, "ext4", 1000 * GB, 400 * GB, found.problem)

    monkeypatch.setattr(folders, "check_folder", checked)


@pytest.fixture
async def standing(hass: HomeAssistant, place: Path) -> AsyncIterator[tuple[StandingRecorder, MockConfigEntry]]:
    """A scripted recorder, and a loaded library without cameras that uses it."""
    recorder = StandingRecorder()
    path = place / "recorder.sock"
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Riverside Library",
        unique_id=recorder.store_id,
        data={"recorder": "socket", "socket": str(path), "profile": "missoula"},
    )
    entry.add_to_hass(hass)
    async with serving(recorder, socket=path):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        yield recorder, entry
        await hass.async_block_till_done()  # a dialog's last change may still be reloading the entry
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1 that Home Assistant trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "recorder")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "recorder.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    trusting = ssl.create_default_context(cafile=str(pem))
    monkeypatch.setattr("custom_components.library_surveillance.connection.get_default_context", lambda: trusting)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server
