"""The page on Home Assistant names all that people meet there, and keeps what the quality scale says is documented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from homeassistant.util.yaml import load_yaml_dict

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "custom_components" / "library_surveillance"
PAGE = (ROOT / "docs" / "home-assistant.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENGLISH: dict[str, Any] = json.loads((FOLDER / "strings.json").read_text(encoding="utf-8"))  # Any: JSON
FLOWS: list[dict[str, Any]] = [
    ENGLISH["config"],
    ENGLISH["config_subentries"]["camera"],
    ENGLISH["options"],
]  # Any: JSON

# Where each rule of the quality scale that ends in a page is kept: a page and the heading on it.
KEPT = {
    "docs-high-level-description": (README, "# Library Surveillance"),
    "docs-installation-instructions": (README, "## Installation"),
    "docs-removal-instructions": (PAGE, "## Removal"),
    "docs-actions": (PAGE, "## Actions"),
    "docs-installation-parameters": (PAGE, "## Setting up"),
    "docs-configuration-parameters": (PAGE, "### Changing"),
    "docs-data-update": (PAGE, "### Data updates"),
    "docs-examples": (PAGE, "## Examples"),
    "docs-known-limitations": (PAGE, "## Known limitations"),
    "docs-supported-devices": (PAGE, "## Supported devices"),
    "docs-supported-functions": (PAGE, "## Entities"),
    "docs-troubleshooting": (PAGE, "## Troubleshooting"),
    "docs-use-cases": (PAGE, "## Use cases"),
}


def labels(step: dict[str, Any]) -> list[str]:  # Any: JSON
    """Return the names of a step's fields, those in sections too."""
    sections = step.get("sections", {}).values()
    return [label for part in (step, *sections) for label in part.get("data", {}).values()]


@pytest.mark.parametrize(
    "step",
    [step for flow in FLOWS for step in flow["step"].values()],
    ids=lambda step: step["title"],
)
def test_every_field_of_a_dialog_is_described(step: dict[str, Any]) -> None:
    assert [label for label in labels(step) if f"*{label}*" not in PAGE] == []


def test_every_entity_is_described() -> None:
    names = [entity["name"] for platform in ENGLISH["entity"].values() for entity in platform.values()]
    flowing = " ".join(PAGE.split())
    assert len(names) > 10
    assert [name for name in names if f"*{name}*" not in flowing] == []


def test_every_action_is_described_field_by_field() -> None:
    for name, action in ENGLISH["services"].items():
        assert f"action: library_surveillance.{name}" in PAGE
        assert [field for field in action["fields"] if f"| `{field}` |" not in PAGE] == []


def test_every_documented_rule_has_its_place() -> None:
    rules = load_yaml_dict(FOLDER / "quality_scale.yaml")["rules"]
    assert set(KEPT) == {name for name, rule in rules.items() if name.startswith("docs-") and rule == "done"}
    assert [rule for rule, (page, heading) in KEPT.items() if f"{heading}\n" not in page] == []
