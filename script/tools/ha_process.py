"""A real Home Assistant as a process: its config folder with the release unpacked into it, start, restart, stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import aiohttp

from . import release

ROOT: Final = Path(__file__).resolve().parents[2]
START_LIMIT_S: Final = 120.0
STOP_LIMIT_S: Final = 60.0

# Only what the demonstration shows: Home Assistant's default set would ask for requirements that no camera needs.
_CONFIGURATION: Final = """\
homeassistant:
  name: {name}
  time_zone: {time_zone}
  country: US
  unit_system: us_customary
frontend:
config:
history:
logbook:
automation: !include automations.yaml
logger:
  default: warning
"""

# What stands in YAML would be a proposal that somebody has to confirm within minutes.
_HTTP: Final[dict[str, object]] = {
    "server_host": ["127.0.0.1"],
    "cors_allowed_origins": [],
    "login_attempts_threshold": -1,
    "ip_ban_enabled": True,
    "ssl_profile": "modern",
    "use_x_frame_options": True,
    "created_at": "2026-01-01T00:00:00+00:00",
    "error": None,
    "error_message": None,
}


class HomeAssistantError(Exception):
    """Home Assistant did not do what was asked; the message says what."""


class HomeAssistantProcess:
    """One Home Assistant with a config folder of its own, reachable from this machine alone."""

    def __init__(self, config: Path, port: int) -> None:
        """Keep where it lives; nothing is started."""
        self._config = config
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the frontend and of the API."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process's id. Raises `HomeAssistantError` while none runs."""
        if self._process is None:
            raise HomeAssistantError("Home Assistant is not running")
        return self._process.pid

    def prepare(self, name: str, time_zone: str) -> None:
        """Write the config folder and install the integration as a release would be."""
        (self._config / ".storage").mkdir(parents=True)
        (self._config / "configuration.yaml").write_text(
            _CONFIGURATION.format(name=json.dumps(name), time_zone=time_zone)
        )
        (self._config / "automations.yaml").write_text("[]\n")
        # The step that makes the owner stays to be done, over the API. The others would start integrations that look
        # for other machines.
        self._store("onboarding", 4, 1, {"done": ["core_config", "analytics", "integration"]})
        http = {"stable": {"server_port": self._port, **_HTTP}, "pending": None, "yaml_migration_done": True}
        self._store("http", 2, 2, http)
        archive = self._config / release.NAME
        release.build(ROOT, archive)
        with zipfile.ZipFile(archive) as members:
            members.extractall(self._config / "custom_components" / "library_surveillance")
        archive.unlink()

    def _store(self, key: str, version: int, minor_version: int, data: object) -> None:
        """Write one of Home Assistant's own storage files, as it would itself."""
        content = {"version": version, "minor_version": minor_version, "key": key, "data": data}
        (self._config / ".storage" / key).write_text(json.dumps(content))

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = self._launch()
        async with aiohttp.ClientSession() as session, asyncio.timeout(START_LIMIT_S):
            while not await self._answers(session):
                if self._process.poll() is not None:
                    raise HomeAssistantError(f"Home Assistant ended; see {self._config / 'console.log'}")
                await asyncio.sleep(0.2)

    async def wait_for_end(self) -> None:
        """Wait until the process has ended by itself, as it does after the action `homeassistant.restart`."""
        if self._process is not None:
            await asyncio.to_thread(self._process.wait, STOP_LIMIT_S)
            self._process = None

    async def stop(self) -> None:
        """End it, by force if it does not follow."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await self.wait_for_end()
        except subprocess.TimeoutExpired:
            self._process.kill()
            await self.wait_for_end()

    def _launch(self) -> subprocess.Popen[bytes]:
        """Start the process in a session of its own, so that a Ctrl-C here does not reach it."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with (self._config / "console.log").open("ab") as console:
            return subprocess.Popen(
                [Path(sys.executable).with_name("hass"), "--config", self._config, "--skip-pip"],
                cwd=self._config,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        with contextlib.suppress(aiohttp.ClientError):  # nothing listens yet
            async with session.get(f"{self.url}/manifest.json") as response:
                return response.status == 200
        return False
