"""The demonstration: a library with its cameras, Home Assistant and the integration on this machine.

Without `--check` it runs until Ctrl-C. With it, it proves the main job without a screen and ends with a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import Final

from recorder_core.simulator.presets import LIBRARIES

from .demo_check import check, judge_footage, verdict
from .demo_house import RunningHouse, open_house, wait_until_recording
from .demo_people import HOUSES, PASSWORD
from .ha_process import HomeAssistantError
from .places import NoPlaceError, empty_folder, find_work_folder, free_port

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def say(text: str) -> None:
    """Show progress."""
    print(text, flush=True)


async def show(library: str, folder: Path, port: int) -> int:
    """Run the house until Ctrl-C, which ends it cleanly at any moment."""
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
    with contextlib.suppress(asyncio.CancelledError):
        async with open_house(library, folder, port, say) as house:
            await wait_until_recording(house, say)
            _introduce(library, house)
            await loop.create_future()
    say("Everything has stopped; nothing is left behind.")
    return 0


async def prove(library: str, folder: Path, port: int) -> int:
    """Run the house, check it, and print the figures as the last line."""
    began = time.monotonic()
    async with open_house(library, folder, port, say) as house:
        figures = await check(house, say)
        say("Stopping Home Assistant and the recorder …")
        await house.close()
        say("Reading every stored picture …")
        footage = await asyncio.to_thread(judge_footage, house, figures["restart"])
    result = verdict(figures, footage, time.monotonic() - began)
    print(json.dumps(result))
    return 0 if result["held"] else 1


def _introduce(library: str, house: RunningHouse) -> None:
    people = (HOUSES[library].owner, *HOUSES[library].people)
    width = max(len(person.name) for person in people)
    logins = "\n".join(f"  {person.name:<{width}}  {person.username}" for person in people)
    say(
        f"\n{LIBRARIES[library].title} runs at {house.home_assistant.url}\n\n{logins}\n\n"
        f"The password of each is {PASSWORD}. The footage lies in {house.footage}.\nCtrl-C stops everything."
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
        folder = empty_folder(arguments.folder) if arguments.folder else find_work_folder()
        return asyncio.run(run(arguments.library, folder, free_port(arguments.port)))
    except (HomeAssistantError, NoPlaceError, RuntimeError) as error:
        print(f"The demonstration failed: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
