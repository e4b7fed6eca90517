"""Who may ask for what, until the library's roles exist.

What lets video leave the store, or lets footage go, is for administrators only; a call without a user (an automation)
has nobody to answer for it and is refused. So is saying that a hold was reviewed: that is a person's judgement. Placing
a hold and asking about holds are open to automations as well.
Refusals are validation errors, not Home Assistant's `Unauthorized`: over HTTP that one counts as a failed login and
bans the address in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.exceptions import ServiceValidationError

from .const import DOMAIN

if TYPE_CHECKING:
    from homeassistant.auth.models import User
    from homeassistant.core import ServiceCall


async def async_require_administrator(call: ServiceCall) -> User:
    """Return the administrator who makes the call. Raises `ServiceValidationError` for everyone else."""
    if call.context.user_id is None:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="user_required")
    user = await call.hass.auth.async_get_user(call.context.user_id)
    if user is None or not user.is_active or user.system_generated or not user.is_admin:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="administrator_required")
    return user


async def async_actor(call: ServiceCall) -> str:
    """Return the opaque id of who makes a call that an automation may make too, for which it is empty.

    Raises `ServiceValidationError` for a user who is none any more.
    """
    if call.context.user_id is None:
        return ""
    user = await call.hass.auth.async_get_user(call.context.user_id)
    if user is None or not user.is_active:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="user_unknown")
    return user.id
