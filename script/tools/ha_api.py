"""Home Assistant over its own REST and WebSocket API, as the frontend uses it."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from .ha_process import HomeAssistantError

if TYPE_CHECKING:
    from collections.abc import Mapping

    type Json = dict[str, Any]
    """Any: what Home Assistant answers is as deep as it pleases; callers take out what they name."""


class HomeAssistantApi:
    """One signed-in user."""

    def __init__(self, url: str) -> None:
        """Keep the address; `onboard` signs in."""
        self._url = url
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120))
        self._tokens: Json = {}

    async def __aenter__(self) -> Self:
        """Return the API; its connections close with the context."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        await self._session.close()

    async def onboard(self, name: str, username: str, password: str) -> None:
        """Make the owner of a fresh Home Assistant and sign in as this person."""
        client_id = f"{self._url}/"
        owner = {"name": name, "username": username, "password": password, "client_id": client_id, "language": "en"}
        code = (await self.request("POST", "/api/onboarding/users", owner))["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, "client_id": client_id}
        async with self._session.post(f"{self._url}/auth/token", data=form) as response:
            self._tokens = await response.json()

    def browser_tokens(self) -> Json:
        """Return what Home Assistant's frontend keeps of a sign-in, for a browser that is to be signed in."""
        expires = int(time.time() + self._tokens["expires_in"]) * 1000
        return {**self._tokens, "hassUrl": self._url, "clientId": f"{self._url}/", "expires": expires}

    async def add_user(self, name: str, username: str, password: str) -> None:
        """Make another person, who administers nothing."""
        user = await self.command("config/auth/create", name=name, group_ids=["system-users"], local_only=True)
        await self.command(
            "config/auth_provider/homeassistant/create",
            user_id=user["user"]["id"],
            username=username,
            password=password,
        )

    async def request(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - as deep as it pleases
        """Call the REST API. Raises `HomeAssistantError` with the answer's words."""
        headers = {"Authorization": f"Bearer {self._tokens['access_token']}"} if self._tokens else {}
        async with self._session.request(method, self._url + path, json=body, headers=headers) as response:
            text = await response.text()
        if response.status >= 400:
            raise HomeAssistantError(f"{method} {path}: {response.status} {text}")
        return json.loads(text)

    async def command(self, kind: str, **fields: object) -> Any:  # noqa: ANN401 - as deep as it pleases
        """Send one command over a WebSocket of its own. Raises `HomeAssistantError` with the answer's words."""
        async with self._session.ws_connect(f"{self._url}/api/websocket", max_msg_size=0) as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self._tokens["access_token"]})
            await socket.receive_json()
            await socket.send_json({"id": 1, "type": kind, **fields})
            answer = await socket.receive_json()
        if not answer.get("success"):
            raise HomeAssistantError(f"{kind}: {answer.get('error', answer)}")
        return answer["result"]

    async def call_action(self, action: str, data: Mapping[str, object]) -> Json:
        """Perform an action that answers, and return its response."""
        domain, _, service = action.partition(".")
        answer = await self.request("POST", f"/api/services/{domain}/{service}?return_response", data)
        response: Json = answer["service_response"]
        return response

    async def user_id(self) -> str:
        """Return the id of who is signed in."""
        return str((await self.command("auth/current_user"))["id"])

    async def restart(self) -> None:
        """Order a restart; Home Assistant may go before it has answered."""
        with contextlib.suppress(aiohttp.ClientConnectionError):
            await self.request("POST", "/api/services/homeassistant/restart", {})

    async def walk_flow(
        self, path: str, handler: object, steps: Mapping[str, Mapping[str, object]], **more: object
    ) -> Json:
        """Go through a flow by answering each step from `steps`, and return how it ended.

        `more` says what it is about. A menu takes the option named by `next_step_id` in its step. Raises
        `HomeAssistantError` where the flow shows an error, aborts, or asks for a step that has no answer.
        """
        flow: Json = await self.request("POST", path, {"handler": handler, **more})
        answered: set[str] = set()
        while flow["type"] in {"form", "menu"}:
            step = flow["step_id"]
            if step in answered or flow.get("errors") or step not in steps:
                raise HomeAssistantError(f"the flow stays at {step}: {flow.get('errors')} {flow}")
            answered.add(step)
            flow = await self.request("POST", f"{path}/{flow['flow_id']}", steps[step])
        if flow["type"] != "create_entry":
            raise HomeAssistantError(f"the flow ended with {flow['type']}: {flow.get('reason')}")
        return flow
