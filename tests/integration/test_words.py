"""Every word that a user may see is there: names, errors, issues, fields, icons, and the quality scale's promises."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util.yaml import load_yaml_dict

from custom_components.library_surveillance import (
    binary_sensor,
    const,
    errors,
    event,
    issues,
    sensor,
    switch,
)
from custom_components.library_surveillance.flow.forms import LOCAL_RETENTION_SCHEMA
from custom_components.library_surveillance.services import ACTIONS
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.export.delivery_folders import MARKER
from recorder_core.models import (
    CameraState,
    DeletionRule,
    Duty,
    HoldKind,
    StartMode,
    StillFormat,
    SweepHalt,
    VolumeState,
)
from recorder_core.service.events import EventKind
from recorder_core.storage.records import GapReason
from recorder_core.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custom_components.library_surveillance.services.action import Action

FOLDER = Path(const.__file__).parent
ENGLISH: dict[str, Any] = json.loads((FOLDER / "translations" / "en.json").read_text())  # Any: JSON
ICONS: dict[str, Any] = json.loads((FOLDER / "icons.json").read_text())  # Any: JSON
MANIFEST: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text())  # Any: JSON

# https://developers.home-assistant.io/docs/core/integration-quality-scale: all rules up to platinum.
RULES = frozenset(
    """
    action-setup appropriate-polling brands common-modules config-flow config-flow-test-coverage
    dependency-transparency docs-actions docs-conditions docs-high-level-description
    docs-installation-instructions docs-removal-instructions docs-triggers entity-event-setup entity-unique-id
    has-entity-name runtime-data test-before-configure test-before-setup unique-config-entry action-exceptions
    config-entry-unloading docs-configuration-parameters docs-installation-parameters entity-unavailable
    integration-owner log-when-unavailable parallel-updates reauthentication-flow test-coverage devices
    diagnostics discovery discovery-update-info docs-data-update docs-examples docs-known-limitations
    docs-supported-devices docs-supported-functions docs-troubleshooting docs-use-cases dynamic-devices
    entity-category entity-device-class entity-disabled-by-default entity-translations exception-translations
    icon-translations reconfiguration-flow repair-issues stale-devices async-dependency inject-websession
    strict-typing
    """.split()  # noqa: SIM905 - one name per line would fill a page
)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_of_the_recorder_has_a_sentence(code: ErrorCode) -> None:
    """It quotes at most what each error says itself; the reason of a problem has a short form too."""
    sentence = ENGLISH["exceptions"][code.value]["message"]
    error = errors.translated(RecorderError(code, "Something."))
    assert (error.translation_key, error.translation_placeholders) == (code.value, {"detail": "Something"})
    assert {name for _, name, _, _ in Formatter().parse(sentence) if name} <= {"detail"}
    reasons = ENGLISH["entity"]["binary_sensor"]["recording_problem"]["state_attributes"]["reason"]["state"]
    assert reasons[code.value]


def test_what_the_caller_did_wrong_is_told_apart() -> None:
    """Home Assistant shows no stack trace for it."""
    inverted, internal = (RecorderError(code, "") for code in (ErrorCode.INTERVAL_INVERTED, ErrorCode.INTERNAL))
    assert isinstance(errors.translated(inverted), ServiceValidationError)
    assert not isinstance(errors.translated(internal), ServiceValidationError)


def test_reasons_that_are_no_error_codes_have_words() -> None:
    """A state stands in where the recorder gives no problem."""
    reasons = ENGLISH["entity"]["binary_sensor"]["recording_problem"]["state_attributes"]["reason"]["state"]
    assert {binary_sensor.NO_REASON, *(state.value for state in binary_sensor._FAILING)} <= set(reasons)


@pytest.mark.parametrize(
    ("platform", "descriptions"),
    [
        ("binary_sensor", (*binary_sensor.CAMERA_SENSORS, binary_sensor.RECORDER)),
        ("event", (event.FOOTAGE, event.ROOM)),
        ("sensor", (*sensor.CAMERA_SENSORS, *sensor.RECORDER_SENSORS)),
        ("switch", (switch.RECORDING,)),
    ],
)
def test_every_entity_has_a_name_and_an_icon(platform: str, descriptions: tuple[Any, ...]) -> None:
    """Only one that its device class describes does without; nothing is translated that does not exist."""
    keys = {description.translation_key for description in descriptions if description.translation_key}
    assert keys == set(ENGLISH["entity"][platform])
    unclassed = {d.translation_key for d in descriptions if d.translation_key and d.device_class != "problem"}
    assert unclassed == set(ICONS["entity"][platform])
    for description in descriptions:
        if options := getattr(description, "options", None):
            assert set(ENGLISH["entity"][platform][description.translation_key]["state"]) == set(options)


def test_no_state_has_the_icon_that_it_has_anyway() -> None:
    """Home Assistant's validation refuses it."""
    for platform in ICONS["entity"].values():
        for icon in platform.values():
            assert icon["default"] not in icon.get("state", {}).values()


def test_every_sentence_is_one_that_home_assistant_takes() -> None:
    """Its validation refuses blanks around a sentence, quoted gaps, addresses and HTML."""

    def sentences(node: dict[str, Any] | str) -> Iterator[str]:  # Any: JSON
        if isinstance(node, str):
            yield node
        else:
            for below in node.values():
                yield from sentences(below)

    told = list(sentences(ENGLISH))
    assert len(told) > 100
    bad = re.compile(r"^\s|\s$|'\{\w+\}'|(https?|ftp|mqtt)://[a-z0-9-]+\.|www\.|<[a-z/][^>]*>", re.IGNORECASE)
    assert [sentence for sentence in told if bad.search(sentence)] == []


def test_enumerations_are_complete() -> None:
    """A state that the recorder may report always has a word."""
    states = ENGLISH["entity"]["sensor"]
    assert set(states["state"]["state"]) == {state.value for state in CameraState}
    assert set(states["storage_state"]["state"]) == {state.value for state in VolumeState}
    for key, enumeration in (("start_mode", StartMode), ("hold_kind", HoldKind), ("still_format", StillFormat)):
        assert set(ENGLISH["selector"][key]["options"]) == {member.value for member in enumeration}


def test_units_that_are_words_have_words() -> None:
    """Days are asked for in full; what is no word, such as GB, is the same in every language."""
    configs = [selector.config for selector in LOCAL_RETENTION_SCHEMA.schema.values()]
    units = {
        ENGLISH["selector"][config["translation_key"]]["unit_of_measurement"][config["unit_of_measurement"]]
        for config in configs
        if "translation_key" in config
    }
    assert units == {"days"}
    assert {config["unit_of_measurement"] for config in configs if "translation_key" not in config} == {"GB"}


def test_every_event_that_is_shown_can_come_and_has_words() -> None:
    """Their kinds are the recorder's."""
    words = ENGLISH["entity"]["event"]
    for key, types in (("footage", event._OF_CAMERA), ("room", event._OF_LIBRARY)):
        assert set(types) <= {kind.value for kind in EventKind}
        assert set(words[key]["state_attributes"]["event_type"]["state"]) == set(types.values())
    for key, attribute, values in (
        ("footage", "reason", GapReason),
        ("footage", "rule", DeletionRule),
        ("room", "reason", SweepHalt),
    ):
        assert set(words[key]["state_attributes"][attribute]["state"]) == {value.value for value in values}


def test_every_issue_has_a_title_and_a_description() -> None:
    """No issue is translated that cannot come."""
    keys = {*issues._VOLUME_ISSUES.values(), *issues._VOLUME_PROBLEMS.values(), *issues._CAMERA_ISSUES.values()}
    keys |= {"camera_refused", "delivery_folders_refused", "recorder_not_running", "version_mismatch", "footage_unread"}
    keys |= {"storage_full", "storage_held", "storage_being_read", "holds_leave_little", "storage_nearly_full"}
    keys |= {
        "below_minimum",
        "holds_to_review",
        *issues._DUTY_ISSUES.values(),
        *(key for key, _ in issues._HALT_ISSUES.values()),
    }
    assert set(ENGLISH["issues"]) == keys
    assert set(issues._DUTY_ISSUES) == set(Duty)
    assert set(issues._HALT_ISSUES) == set(SweepHalt)
    for key, issue in ENGLISH["issues"].items():
        assert "{library}" in issue["title"] + issue.get("description", "")
        assert set(issue) == {"title", "fix_flow" if key == "deletion_halted" else "description"}


def test_the_issue_about_copies_names_the_marker_of_their_folder() -> None:
    """Where a share is gone for good, somebody has to make it anew."""
    assert f"`{MARKER}`" in ENGLISH["issues"]["deliveries_not_removed"]["description"]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_action_is_described_field_by_field(action: Action) -> None:
    """The description, the translation and the schema name the same fields, and the same ones as required."""
    described = load_yaml_dict(FOLDER / "services.yaml")[action.name]
    fields = described["fields"]
    assert {str(key) for key in action.fields} == set(fields)
    assert set(ENGLISH["services"][action.name]["fields"]) == set(fields)
    required = {str(key) for key in action.fields if type(key).__name__ == "Required"}
    assert {name for name, field in fields.items() if field.get("required")} == required
    assert ("target" in described) == action.targets
    for field in fields.values():
        if select := field["selector"].get("select"):
            assert set(select["options"]) == set(ENGLISH["selector"][select["translation_key"]]["options"])


def test_no_action_is_described_that_does_not_exist() -> None:
    """Nor has one no icon."""
    names = {action.name for action in ACTIONS}
    assert set(load_yaml_dict(FOLDER / "services.yaml")) == set(ENGLISH["services"]) == set(ICONS["services"]) == names


def test_the_source_of_translators_says_the_same() -> None:
    """`strings.json` is what other languages are made from."""
    assert json.loads((FOLDER / "strings.json").read_text()) == ENGLISH


def test_the_quality_scale_is_whole() -> None:
    """Every rule is done or exempt with a reason."""
    rules = load_yaml_dict(FOLDER / "quality_scale.yaml")["rules"]
    assert len(RULES) == 54
    assert set(rules) == RULES
    for name, rule in rules.items():
        assert rule == "done" or (rule["status"] == "exempt" and len(rule["comment"]) > 20), name


def test_the_manifest_names_this_version() -> None:
    """Integration, recorder and release are one version."""
    assert MANIFEST["version"] == __version__
    assert MANIFEST["domain"] == const.DOMAIN
