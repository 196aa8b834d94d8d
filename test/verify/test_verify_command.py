"""`qgf verify`: what it says of a good recording, of a bad one, and of what is none."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from recorded_bags import record
from verified_world import Certified, Command, Entry, Executed, World

from qgf_ros.bags.writer import METADATA
from qgf_ros.cli.main import main
from qgf_ros.contract.travel import CONTRACT, unpack_contract
from qgf_ros.control.baseline import Baseline
from qgf_ros.control.baseline_file import write_baseline
from qgf_ros.control.deployed import Deployed
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.session import SessionConfig
from qgf_ros.datatypes import JointReading
from qgf_ros.errors import InvalidSetting, NoContractError

WORLD = World("jaco_reach", 3)
ENTRIES = WORLD.run(120)


def bag(tmp_path: Path, entries: list[Entry] = ENTRIES) -> Path:
    """A recording of these messages."""
    return record(entries, tmp_path / "bag", WORLD.contract, tmp_path / "definitions")


def test_a_good_recording_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(bag(tmp_path)), "--json", str(tmp_path / "out.json")]) == 0
    said = capsys.readouterr().out
    assert "120 ticks" in said
    assert "Everything holds" in said
    figures = json.loads((tmp_path / "out.json").read_text())
    assert (figures["holds"], figures["violations"], figures["ticks"]) == (True, 0, 120)
    assert figures["contract_digest"] == WORLD.contract.digest


def test_a_bad_one_does_not_and_each_violation_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = next(index for index in range(200, len(ENTRIES)) if isinstance(ENTRIES[index], Command))
    path = bag(tmp_path, ENTRIES[:place] + ENTRIES[place + 1 :])
    assert main(["verify", str(path), "--json", str(tmp_path / "out.json")]) == 1
    said = capsys.readouterr().out
    assert "command_missing forward_position_controller/commands: none left; a message was certified" in said
    [first] = json.loads((tmp_path / "out.json").read_text())["first"]
    assert first["what"] == "command_missing"
    assert first["stamp_ns"] > 0


def test_the_contract_may_be_named_and_another_one_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = Path(__file__).parents[2] / "config" / "contracts" / "jaco_reach.yaml"
    assert main(["verify", str(bag(tmp_path)), "--contract", str(shipped)]) == 1
    assert f"the contract is {WORLD.contract.digest[:12]}" not in capsys.readouterr().out


def test_commands_that_were_not_recorded_are_no_proof(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(bag(tmp_path, [e for e in ENTRIES if not isinstance(e, Command)]))]) == 1
    said = capsys.readouterr().out
    assert "no message of this topic" in said
    assert "none left; a message was certified" in said


def without_first_commands(ticks: int) -> list[Entry]:
    """The run as a recorder has it that finds one of the command topics so many ticks late."""
    certificates, kept = 0, []
    for entry in ENTRIES:
        certificates += isinstance(entry, Certified) and entry.certificate.commands > 0
        if not isinstance(entry, Command) or certificates >= ticks:
            kept.append(entry)
    return kept


def test_a_recorder_may_find_the_command_topics_half_a_second_late_and_no_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(bag(tmp_path, without_first_commands(50)))]) == 0
    assert "not checked: the commands of 50 certificates" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "bag")
    assert main(["verify", str(bag(tmp_path, without_first_commands(52)))]) == 1


def test_what_can_be_checked_without_commands_is_checked_from_the_first_certificate_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = without_first_commands(50)
    place = [index for index, entry in enumerate(entries) if isinstance(entry, Certified) and entry.stamp_ns][
        20
    ]
    entry = entries[place]
    assert isinstance(entry, Certified)
    far = tuple(position + 9.0 for position in entry.certificate.positions)
    entries[place] = replace(entry, certificate=replace(entry.certificate, positions=far))
    assert main(["verify", str(bag(tmp_path, entries))]) == 1
    assert "consistent" in capsys.readouterr().out


def test_a_recording_that_ends_before_it_was_complete_proves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = without_first_commands(1000)
    last = [index for index, entry in enumerate(entries) if isinstance(entry, Certified)][20]
    assert main(["verify", str(bag(tmp_path, entries[: last + 1]))]) == 1
    assert "Nothing was verified" in capsys.readouterr().out


def test_a_recording_without_certificates_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bag(tmp_path, [entry for entry in ENTRIES if not isinstance(entry, Certified)])
    assert main(["verify", str(path)]) == 2
    assert (
        "has no certificates (topic command_node/certificate); record a command node with it"
        in capsys.readouterr().err
    )


def test_certificates_of_another_version_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Older(type(ENTRIES[-1].certificate)):  # type: ignore[misc]
        """A certificate that does not know a key."""

        def texts(self) -> dict[str, str]:
            return {key: text for key, text in super().texts().items() if key != "margin_stop"}

    older = [
        replace(entry, certificate=Older(**vars(entry.certificate)))
        if isinstance(entry, Certified)
        else entry
        for entry in ENTRIES
    ]
    assert main(["verify", str(bag(tmp_path, older))]) == 1
    assert "margin_stop: missing or unknown; was it written by this version?" in capsys.readouterr().out


def test_a_recorder_that_was_killed_leaves_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bag(tmp_path)
    file = path / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[: 9 * file.stat().st_size // 10])
    main(["verify", str(path)])
    assert "The recorder did not finish" in capsys.readouterr().out


def test_nothing_a_folder_without_recording_and_one_without_contract(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path / "nothing")]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["verify", str(tmp_path / "empty")]) == 2
    assert "there is no mcap or sqlite3 file in it" in capsys.readouterr().err
    path = bag(tmp_path)
    content = yaml.safe_load((path / METADATA).read_text())
    del content["rosbag2_bagfile_information"]["custom_data"]
    (path / METADATA).write_text(yaml.safe_dump(content))
    assert main(["verify", str(path)]) == 2
    assert "Name the one that was in force: `--contract FILE`" in capsys.readouterr().err


def test_a_message_that_is_not_what_its_type_says_is_a_violation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import recorded_bags

    honest = recorded_bags.serialised

    def cut(entry: Entry) -> tuple[str, str, bytes]:
        topic, kind, data = honest(entry)
        return topic, kind, data[:11] if isinstance(entry, Executed) else data

    monkeypatch.setattr(recorded_bags, "serialised", cut)
    assert main(["verify", str(bag(tmp_path))]) == 1
    assert "is no trajectory_msgs/msg/JointTrajectory" in capsys.readouterr().out


def test_a_contract_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    from qgf_ros.contract.travel import pack_contract

    facts = pack_contract(WORLD.contract)
    facts[CONTRACT] = facts[CONTRACT].replace("../robots/jaco.xml", "../../../outside.xml")
    with pytest.raises(InvalidSetting, match="stays below"):
        unpack_contract(facts, tmp_path)
    assert not (tmp_path.parent / "outside.xml").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"deployment": 1, "interface": 2}', "\x00", "{" * 100_000])
def test_what_is_no_contract_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(NoContractError):
        unpack_contract({CONTRACT: text}, tmp_path)


def test_joint_states_are_needed_for_ages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(bag(tmp_path, [e for e in ENTRIES if not isinstance(e, JointReading)]))]) == 1
    assert "no joint state of that stamp had come" in capsys.readouterr().out


def test_one_that_is_missing_is_told_by_those_around_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readings = [entry for entry in ENTRIES if isinstance(entry, JointReading)]
    gone = readings[len(readings) // 2]
    assert main(["verify", str(bag(tmp_path, [entry for entry in ENTRIES if entry is not gone]))]) == 1
    told = capsys.readouterr().out
    assert "no joint state of that stamp had come: " in told
    assert "are known, the nearest of " in told


def baseline(tmp_path: Path, **changes: float) -> Path:
    """What the recorded contract amounts to, but for these limits of its first joint."""
    contract = WORLD.contract
    deployed = Deployed(contract, SessionConfig(), black_box=tmp_path)
    whole = Baseline.of(deployed, LimitsInForce.of(contract))
    first = contract.interface.joints[0]
    joints = whole.joints | {first: replace(whole.joints[first], **changes)}
    write_baseline(replace(whole, joints=joints), "jaco_reach", path := tmp_path / "baseline.yaml")
    return path


def test_a_contract_that_is_no_weaker_than_the_baseline_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = baseline(tmp_path)
    assert main(["verify", str(bag(tmp_path)), "--baseline", str(path)]) == 0
    assert f"no weaker than the baseline {path}" in capsys.readouterr().out


def test_a_bag_whose_own_contract_is_weaker_than_the_baseline_does_not_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, written = baseline(tmp_path, velocity=0.1), tmp_path / "out.json"
    assert main(["verify", str(bag(tmp_path)), "--baseline", str(path), "--json", str(written)]) == 1
    said = capsys.readouterr().out
    assert "weaker: velocity of 'j2n6s300_joint_1' is 0.628 rad/s, 0.1 is allowed" in said
    figures = json.loads(written.read_text())
    assert (figures["holds"], len(figures["weaker"]), figures["violations"]) == (True, 1, 0)


def test_a_chunk_may_be_no_older_than_the_baseline_allows(tmp_path: Path) -> None:
    path = str(baseline(tmp_path))
    assert main(["verify", str(bag(tmp_path)), "--baseline", path, "--chunk-max-age-s", "2"]) == 1


def test_a_baseline_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(bag(tmp_path)), "--baseline", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err
