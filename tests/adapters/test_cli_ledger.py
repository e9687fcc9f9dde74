"""`limen audit checkpoint | key | verify | prove | verify-proof`: from the command line to a proof in a file."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.adapters.conftest import Demo
from tests.support.cli import invoked, spawned


@pytest.fixture
def env(demo: Demo, tmp_path: Path) -> dict[str, str]:
    """The demo's files, to change."""
    shutil.copytree(demo.folder / "demo", tmp_path / "demo")
    store = f"sqlite:///{tmp_path / 'demo' / 'limen.db'}"
    return {"LIMEN_CONFIG": str(tmp_path / "demo" / "identity.yml"), "LIMEN_STORE": store}


def tamper(tmp_path: Path, statement: str) -> None:
    other = sqlite3.connect(tmp_path / "demo" / "limen.db")
    with other:
        other.execute(statement)
    other.close()


def test_the_demo_was_sealed_when_it_ended(demo: Demo) -> None:
    ran = invoked("audit", "verify", "--json", env=demo.env)
    assert ran.code == 0
    told = ran.json
    assert (told["valid"], told["unsealed"], told["faults"], told["trusted"]) == (True, 0, [], False)
    assert told["events"] == told["sealed"] == len(invoked("log", "--json", env=demo.env).lines)


def test_a_checkpoint_seals_what_is_there_and_is_printed_to_be_kept(
    env: dict[str, str], demo: Demo, tmp_path: Path
) -> None:
    first = invoked("audit", "checkpoint", "--json", env=env).json
    assert (first["number"], first["new"]) == (1, False)
    assert invoked("audit", "erase", demo.told["identity"], env=env).code == 0
    assert invoked("audit", "verify", "--json", env=env).json["unsealed"] > 0
    ran = spawned("audit", "checkpoint", cwd=tmp_path, **env)
    assert ran.code == 0
    assert "checkpoint 2 over" in ran.err
    (tmp_path / "kept").write_text(ran.out)
    key = invoked("audit", "key", env=env).out.strip()
    assert f"\nkey {key}\n" in ran.out
    verified = invoked("audit", "verify", "--checkpoint", tmp_path / "kept", "--key", key, "--json", env=env)
    assert (verified.code, verified.json["unsealed"], verified.json["trusted"]) == (0, 0, True)


def test_the_key_is_told_without_the_configuration_too(env: dict[str, str], tmp_path: Path) -> None:
    own = invoked("audit", "key", "--json", env=env).json
    named = invoked("audit", "key", "--json", env={"LIMEN_STORE": env["LIMEN_STORE"]}).json
    assert own["named_by_checkpoint"] is False
    assert named == {**own, "named_by_checkpoint": True}


def test_tampering_is_a_negative_answer_that_names_the_event(env: dict[str, str], tmp_path: Path) -> None:
    entry = invoked("log", "--json", env=env).lines[6]
    tamper(tmp_path, "UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE rowid = 7")
    ran = invoked("audit", "verify", "--json", env=env)
    assert (ran.code, ran.json["valid"]) == (1, False)
    (fault,) = ran.json["faults"]
    assert fault == {
        "position": 7,
        "stream": entry["stream"],
        "version": entry["version"],
        "kind": "changed",
        "detail": None,
    }
    told = spawned("audit", "verify", cwd=tmp_path, **env)
    assert told.code == 1
    assert entry["stream"] in told.out
    assert "changed" in told.out
    assert "1 fault: " in told.out


def test_a_proof_goes_into_a_file_and_needs_no_store_to_be_checked(env: dict[str, str], tmp_path: Path) -> None:
    entry = invoked("log", "--json", env=env).lines[6]
    ran = invoked("audit", "prove", f"{entry['stream']}:{entry['version']}", "--json", env=env)
    assert ran.code == 0
    assert invoked("audit", "prove", "7", "--json", env=env).json == ran.json
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "proof.json").write_text(ran.out)
    key = invoked("audit", "key", env=env).out.strip()
    checked = spawned("audit", "verify-proof", "proof.json", "--key", key, "--json", cwd=tmp_path / "alone")
    assert checked.code == 0
    assert checked.json["valid"] is checked.json["trusted"] is True
    assert (checked.json["stream"], checked.json["type"]) == (entry["stream"], entry["type"])
    people = spawned("audit", "verify-proof", "proof.json", cwd=tmp_path / "alone")
    assert people.code == 0
    assert f"{entry['type']} is event 7 of the" in people.out
    assert [path.name for path in (tmp_path / "alone").iterdir()] == ["proof.json"]


@pytest.mark.parametrize("part", ["entry", "path", "checkpoint", "index"])
def test_a_proof_that_was_touched_does_not_hold(env: dict[str, str], tmp_path: Path, part: str) -> None:
    proof = invoked("audit", "prove", "7", "--json", env=env).json
    if part == "index":
        proof["index"] += 1
    elif part == "path":
        proof["path"] = proof["path"][1:]
    else:
        proof[part] = proof[part].replace("2", "3", 1)
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    ran = invoked("audit", "verify-proof", tmp_path / "proof.json", "--json")
    assert (ran.code, ran.json["valid"]) == (1, False)
    assert ran.json["fault"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"proof": "inclusion"}', '{"proof": "consistency", "path": 7}'])
def test_what_is_no_proof_is_a_negative_answer(tmp_path: Path, text: str) -> None:
    (tmp_path / "proof.json").write_text(text)
    assert invoked("audit", "verify-proof", tmp_path / "proof.json").code == 1


def test_consistency_of_two_checkpoints_is_proven(env: dict[str, str], demo: Demo, tmp_path: Path) -> None:
    assert invoked("audit", "erase", demo.told["identity"], env=env).code == 0
    assert invoked("audit", "checkpoint", env=env).code == 0
    ran = invoked("audit", "prove", "--consistency", "1", "2", env=env)
    assert ran.code == 0
    (tmp_path / "proof.json").write_text(ran.out)
    checked = invoked("audit", "verify-proof", tmp_path / "proof.json", "--json")
    assert checked.code == 0
    assert checked.json["new"] > checked.json["old"]


@pytest.mark.parametrize(
    "args",
    [
        ["prove"],
        ["prove", "7", "--consistency", "1", "1"],
        ["prove", "words"],
        ["prove", "words:1"],
        ["verify", "--key", "no-key"],
        ["verify-proof"],
        ["verify-proof", "none.json"],
    ],
)
def test_wrong_use_is_told(env: dict[str, str], args: list[str]) -> None:
    assert invoked("audit", *args, env=env).code == 2


@pytest.mark.parametrize("args", [["prove", "99999"], ["prove", "--consistency", "1", "9"]])
def test_what_is_not_in_the_ledger_is_a_negative_answer(env: dict[str, str], args: list[str]) -> None:
    ran = invoked("audit", *args, env=env)
    assert (ran.code, ran.out) == (1, "")
    assert "there is no" in ran.err


@pytest.mark.parametrize("command", ["verify", "checkpoint", "key"])
def test_no_store_is_made_for_it(env: dict[str, str], tmp_path: Path, command: str) -> None:
    missing = {**env, "LIMEN_STORE": f"sqlite:///{tmp_path / 'none.db'}"}
    assert invoked("audit", command, env=missing).code == 1
    assert not (tmp_path / "none.db").exists()


def test_a_key_in_a_file_needs_no_configuration(env: dict[str, str], tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "ledger.pem").write_bytes(pem)
    (tmp_path / "limen.yml").write_text(f"ledger: {{key: {tmp_path / 'ledger.pem'}}}\n")
    tamper(tmp_path, "DELETE FROM ledger_checkpoints")
    alone = {"LIMEN_STORE": env["LIMEN_STORE"], "LIMEN_SETTINGS": str(tmp_path / "limen.yml")}
    made = invoked("audit", "checkpoint", "--json", env=alone)
    assert (made.code, made.json["number"], made.json["new"]) == (0, 1, True)
    assert invoked("audit", "key", env=alone).out.strip() == made.json["key"]
