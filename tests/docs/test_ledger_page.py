"""The program of the page on auditing checks a proof without limen."""

import json
import re
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

from tests.docs.test_pages import program
from tests.support.cli import invoked
from tests.support.engine import open_house

PAGE = "docs/how-to/audit-the-log.md"


def checked(folder: Path, proof: object, key: str) -> str:
    """What the program prints."""
    source = program(PAGE)
    assert not re.search(r"\blimen\.", source), "it needs nothing of limen"
    (folder / "check.py").write_text(source)
    (folder / "proof.json").write_text(json.dumps(proof))
    command = [sys.executable, "-W", "ignore", "check.py", "proof.json", key]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True).stdout


async def test_it_believes_a_proof_and_no_other(tmp_path: Path) -> None:
    env = {"LIMEN_STORE": f"sqlite:///{tmp_path / 'limen.db'}"}
    async with open_house(store=env["LIMEN_STORE"]) as house:
        await house.register()
        count = house.size
    key = invoked("audit", "key", env=env).out.strip()
    for position in (1, count // 2, count):
        proof = invoked("audit", "prove", str(position), "--json", env=env).json
        assert checked(tmp_path, proof, key) == "recorded\n"
    proof["entry"] = b64encode(b"something else").decode()
    assert checked(tmp_path, proof, key) == "not recorded\n"
