"""Rules of the house that the import contracts in pyproject.toml cannot say, read off the source itself."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("domain", "projections", "adapters")

CLOCKS_AND_CHANCE = (
    "time.",
    "random.",
    "secrets.",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.getnode",
    "os.urandom",
    "os.getrandom",
    "ssl.RAND_bytes",
    "email.utils.formatdate",
    "email.utils.localtime",
    "email.utils.make_msgid",
    "bcrypt.gensalt",
    "cryptography.hazmat.primitives.ciphers.aead.AESGCM.generate_key",
    "cryptography.hazmat.primitives.ciphers.aead.ChaCha20Poly1305.generate_key",
    "cryptography.fernet.",
)
"""Names that ask the system for time or randomness; one that ends with a dot means all of that module."""

EXCEPTIONS = {
    # How long another process really holds the file or port: a test that stops the clock must not wait for ever.
    ("adapters/store/sqlite.py", "time.monotonic"),
    ("adapters/store/sqlite.py", "time.sleep"),
    ("adapters/store/sqlite_connection.py", "time.monotonic"),
    ("adapters/store/sqlite_connection.py", "time.sleep"),
    # A lost connection is tried again after a moment: the server's time is real, whatever a test's clock says.
    ("adapters/store/postgres.py", "time.sleep"),
    # The sink of the demo and the tests notes in which order requests came, on the machine it runs on.
    ("adapters/sink.py", "time.monotonic"),
}

DOMAIN_MAY_NOT = (
    "http",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "select",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "time",
    "urllib.error",
    "urllib.request",
)
DOMAIN_MAY = ("eventsourcing.domain", "limen.domain", "pydantic", "pydantic_core", "transitions")
"""All that the domain imports beside the standard library."""

STANDARD = sys.stdlib_module_names


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> Iterator[str]:
    """Every imported name in full: `from urllib.parse import quote` gives `urllib.parse.quote`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def local_names(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for: `from time import time as wall` gives `{"wall": "time.time"}`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def used(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported thing the code mentions, by its full name, with the line.

    Called or not: a default factory asks as much as a call does.
    """
    names = local_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            parts: list[str] = []
            at: ast.expr = node
            while isinstance(at, ast.Attribute):
                parts.append(at.attr)
                at = at.value
            if isinstance(at, ast.Name) and at.id in names:
                yield ".".join([names[at.id], *reversed(parts)]), node.lineno


def forbidden(name: str) -> bool:
    return any(name.startswith(rule) if rule.endswith(".") else name == rule for rule in CLOCKS_AND_CHANCE)


def asking(source: str) -> set[str]:
    return {name for name, _ in used(ast.parse(source)) if forbidden(name)}


@pytest.mark.parametrize("path", sources(*FOLDERS), ids=named)
def test_nothing_but_the_system_adapter_asks_for_time_or_chance(path: Path) -> None:
    if named(path) == "adapters/system.py":
        return
    found = {
        f"{named(path)}:{line} {name}"
        for name, line in used(ast.parse(path.read_text()))
        if forbidden(name) and (named(path), name) not in EXCEPTIONS
    }
    assert not found, "time, ids and randomness come through the ports Clock, Ids and Secrets"


def test_every_exception_is_still_needed() -> None:
    """An exception whose reason is gone would hide the next one."""
    there = {(named(path), name) for path in sources(*FOLDERS) for name in asking(path.read_text())}
    assert there >= EXCEPTIONS


def test_the_rule_sees_what_it_is_meant_to_see() -> None:
    assert asking((ROOT / "adapters/system.py").read_text()) == {
        "datetime.datetime.now",
        "secrets.token_bytes",
        "secrets.randbelow",
        "uuid.uuid4",
    }
    assert asking("import datetime as d\nd.datetime.now()") == {"datetime.datetime.now"}
    assert asking("from time import time as wall\nwall()") == {"time.time"}
    assert asking("import uuid\nclass A: id = field(default_factory=uuid.uuid4)") == {"uuid.uuid4"}
    assert asking("import os.path\nos.urandom(3)") == {"os.urandom"}
    assert asking("clock.now()\nsecrets.bytes(3)\nself.time()") == set()


@pytest.mark.parametrize("path", sources("domain"), ids=named)
def test_the_domain_imports_nothing_that_does_io(path: Path) -> None:
    for name in imported(ast.parse(path.read_text())):
        standard = name.split(".")[0] in STANDARD
        allowed = DOMAIN_MAY_NOT if standard else DOMAIN_MAY
        listed = any(name == rule or name.startswith(f"{rule}.") for rule in allowed)
        assert listed is not standard, f"{named(path)} imports {name}"


@pytest.mark.parametrize("path", sources("domain"), ids=named)
def test_the_domain_opens_and_prints_nothing(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "print", "input", "exec", "eval"), f"{named(path)}:{node.lineno}"


@pytest.mark.parametrize("path", sources(*FOLDERS, "tests"), ids=named)
def test_imports_are_absolute_and_by_the_published_name(path: Path) -> None:
    for name in imported(ast.parse(path.read_text())):
        assert not name.startswith("."), f"{named(path)} imports {name}: say limen.… in full"
        assert name.split(".")[0] not in FOLDERS, f"{named(path)} imports {name}: it is limen.{name}"


@pytest.mark.parametrize("path", sources(*FOLDERS), ids=named)
def test_a_file_is_one_concept(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300, "a file that passes 300 lines is asking to be two"


@pytest.mark.parametrize("path", sources(*FOLDERS), ids=named)
def test_every_file_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body, f"{named(path)} has no docstring"
