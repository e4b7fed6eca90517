"""The demonstration: a library with its cameras, Home Assistant and the integration on this machine.

Without `--check` it runs until Ctrl-C. With it, it proves the main job without a screen and ends with a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recorder_core.simulator.presets import LIBRARIES

from .demo_check import check, judge_footage, verdict
from .demo_house import RunningHouse, open_house, wait_until_recording
from .demo_people import HOUSES, PASSWORD
from .demo_story import Story, tell
from .ha_process import HomeAssistantError
from .places import NoPlaceError, empty_folder, find_work_folder, free_port

if TYPE_CHECKING:
    from collections.abc import Coroutine

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED: Final = 130


def say(text: str) -> None:
    """Show progress."""
    print(text, flush=True)


async def until_ended(work: Coroutine[None, None, int]) -> int:
    """Do work that uses a house, and return its exit code; SIGINT and SIGTERM end it cleanly at any moment."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("the demonstration runs as a task")

    def end() -> None:
        for number in _ENDING:  # once is enough: another one must not disturb the clearing up
            loop.add_signal_handler(number, lambda: None)
        say("\nStopping Home Assistant, the recorder and the cameras …")
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, end)
    try:
        return await work
    except BaseException:  # also what fails because a Ctrl-C in a terminal reaches a browser, too
        if not task.cancelling():
            raise
    say("Everything has stopped; nothing is left behind.")
    return INTERRUPTED


async def show(library: str, folder: Path | None, port: int) -> int:
    """Run the house and let its story happen; it goes on until somebody ends it."""
    async with open_house(library, _work_folder(folder), free_port(port), say) as house:
        await wait_until_recording(house, say)
        story = await tell(house, library, say)
        _introduce(library, house, story)
        await asyncio.get_running_loop().create_future()
    return 0


async def prove(library: str, folder: Path | None, port: int) -> int:
    """Run the house, check it, and print the figures as the last line."""
    began = time.monotonic()
    async with open_house(library, _work_folder(folder), free_port(port), say) as house:
        checked = await check(house, library, say)
        say("Stopping Home Assistant and the recorder …")
        await house.close()
        say("Reading every stored picture …")
        footage = await asyncio.to_thread(judge_footage, house, checked)
    result = verdict(checked, footage, time.monotonic() - began)
    print(json.dumps(result))
    return 0 if result["held"] else 1


def _work_folder(named: Path | None) -> Path:
    return empty_folder(named) if named else find_work_folder()


def _introduce(library: str, house: RunningHouse, story: Story) -> None:
    people = (HOUSES[library].owner, *HOUSES[library].people)
    width = max(len(person.name) for person in people)
    logins = "\n".join(f"  {person.name:<{width}}  {person.username}" for person in people)
    made = (story.clip, story.still, story.package)
    files = "\n".join(f"  {file['path']}" for export in made for file in export["files"])
    copy = story.package["delivery"]
    held = sum(one["held"] for one in story.forecasts)
    say(
        f"\n{LIBRARIES[library].title} runs at {house.home_assistant.url}\n\n{logins}\n\n"
        f"The password of each is {PASSWORD}. The recorder's data folder is {house.recorder_folder}.\n\n"
        f"{len(story.holds)} holds keep footage of {held} cameras; one was reviewed. "
        f"A clip, a still and a package were exported:\n\n{files}\n\n"
        f"A copy of the package lies in the delivery folder {copy['folder']}:\n\n  {copy['path']}\n\n"
        "Check the package with the verify.html in it, in any browser, or by:\n\n"
        f"  .venv/bin/python -m recorder_core verify {story.package['files'][0]['path']}\n\n"
        "Ctrl-C stops everything and removes it."
    )


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="script/demo", description=__doc__)
    parser.add_argument("--library", choices=HOUSES, default="missoula", help="whose cameras (missoula)")
    parser.add_argument("--check", action="store_true", help="prove the main job, then end")
    parser.add_argument("--port", type=int, default=8123, help="Home Assistant's port, another one if taken (8123)")
    parser.add_argument("--folder", type=Path, help="an empty or new folder for everything; it is removed at the end")
    arguments = parser.parse_args()
    run = prove if arguments.check else show
    try:
        code = asyncio.run(until_ended(run(arguments.library, arguments.folder, arguments.port)))
    except (HomeAssistantError, NoPlaceError, RuntimeError) as error:
        print(f"The demonstration failed: {error}", file=sys.stderr)
        return 1
    return 0 if code == INTERRUPTED and not arguments.check else code


if __name__ == "__main__":
    sys.exit(main())
