"""The people of the libraries that the demonstration shows: a login for each role that a library's policy names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PASSWORD: Final = "library-demo"  # noqa: S105 - of a Home Assistant that only this machine reaches, printed on the screen


@dataclass(frozen=True, slots=True)
class Person:
    """One login."""

    username: str
    name: str


@dataclass(frozen=True, slots=True)
class House:
    """A library's people. The owner administers Home Assistant.

    In `exposed` areas the demonstration switches on what is off by default: pictures for every user of Home Assistant.
    """

    time_zone: str
    owner: Person
    people: tuple[Person, ...]
    exposed: frozenset[str] = frozenset()


HOUSES: Final = {
    "missoula": House(
        time_zone="America/Denver",
        owner=Person("admin", "System Administrator"),
        people=(
            Person("director", "Library Director"),
            Person("manager", "Library Manager"),
            Person("facilities", "Facilities"),
            Person("safety", "Safety Specialist"),
            Person("clerk", "Circulation Clerk"),
        ),
        exposed=frozenset({"Parking lot", "Café deck"}),
    ),
    "arapahoe": House(
        time_zone="America/Denver",
        owner=Person("admin", "System Administrator"),
        people=(
            Person("director", "Executive Director"),
            Person("branch", "Branch Manager"),
            Person("records", "Trained Records Staff"),
            Person("clerk", "Circulation Clerk"),
        ),
    ),
    "hanson": House(
        time_zone="America/New_York",
        owner=Person("admin", "Town IT"),
        people=(
            Person("director", "Library Director"),
            Person("assistant", "Assistant Director"),
            Person("elder", "Director of Elder Affairs"),
            Person("clerk", "Circulation Clerk"),
        ),
    ),
}
