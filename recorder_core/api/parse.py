"""Turns a request's JSON into one of the API's values, strictly.

What is malformed, missing, unknown or of another type is refused with the field's name; nothing is guessed, and a value
that was refused is not repeated, for it may be a password.
"""

from __future__ import annotations

import math
import types
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import cast, get_args, get_origin, get_type_hints

import orjson

from recorder_core.errors import ErrorCode, RequestError

_LARGEST_INT = 2**63 - 1
"""SQLite holds no larger one."""

_MOST_DIGITS = 19

_KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def parse_body[T](model: type[T], body: bytes) -> T:
    """Return the value of type `model` that `body` holds as a JSON object.

    Raises:
        RequestError: `BAD_REQUEST`, with the field at fault in the placeholder `field` (empty for the body as a whole).
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _bad("", "The body is not valid JSON.") from None
    return cast("T", _convert_object(value, model, ""))


def parse_int(text: str, field: str) -> int:
    """Return the whole number that a query parameter holds.

    Raises:
        RequestError: `BAD_REQUEST` with the parameter's name.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS):
        raise _bad(field, f"{field} is not a whole number.")
    return cast("int", _convert_plain(int(text), int, field))


def parse_seconds(text: str, field: str) -> float:
    """Return the seconds, zero or more, that a query parameter holds.

    Raises:
        RequestError: `BAD_REQUEST` with the parameter's name.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (seconds >= 0 and math.isfinite(seconds)):
        raise _bad(field, f"{field} is not a number of seconds.")
    return seconds


def _bad(field: str, message: str) -> RequestError:
    return RequestError(ErrorCode.BAD_REQUEST, message, field=field)


@cache
def _hints(model: type) -> dict[str, object]:
    return get_type_hints(model)


def _convert(value: object, hint: object, field: str) -> object:
    if isinstance(hint, types.UnionType):  # the API's only unions are "something or None"
        return None if value is None else _convert(value, get_args(hint)[0], field)
    if get_origin(hint) is list:
        if not isinstance(value, list):
            raise _bad(field, f"{field} is not a list.")
        return [_convert(item, get_args(hint)[0], f"{field}[{index}]") for index, item in enumerate(value)]
    kind = cast("type", hint)
    if is_dataclass(kind):
        return _convert_object(value, kind, field)
    if issubclass(kind, StrEnum):
        if not isinstance(value, str) or value not in list(kind):
            raise _bad(field, f"{field} is none of {', '.join(kind)}.")
        return kind(value)
    return _convert_plain(value, kind, field)


def _convert_plain(value: object, kind: type, field: str) -> object:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise _bad(field, f"{field} is not {_KINDS[kind]}.")
    if isinstance(value, int) and abs(value) > _LARGEST_INT:
        raise _bad(field, f"{field} is too large.")
    if isinstance(value, str) and "\0" in value:
        raise _bad(field, f"{field} holds a NUL character.")
    return value


def _convert_object(value: object, model: type, path: str) -> object:
    if not isinstance(value, dict):
        raise _bad(path, f"{path or 'The body'} is not an object.")
    prefix = f"{path}." if path else ""
    hints = _hints(model)
    if unknown := sorted(value.keys() - hints.keys()):
        raise _bad(f"{prefix}{unknown[0][:64]}", "The body holds a field that the recorder does not know.")
    for field in fields(model):
        required = field.default is MISSING and field.default_factory is MISSING
        if required and field.name not in value:
            raise _bad(f"{prefix}{field.name}", f"{prefix}{field.name} is missing.")
    return model(**{name: _convert(item, hints[name], f"{prefix}{name}") for name, item in value.items()})
