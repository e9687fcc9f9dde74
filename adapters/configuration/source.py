"""Source: reads a file (YAML, JSON or TOML) into plain JSON-like values, refusing what is ambiguous.

YAML is read as Kratos reads it: `yes` and `10:30` are texts, dates are texts; duplicate keys are refused.
"""

import json
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from limen.adapters.configuration.findings import Findings, join

LIMIT_BYTES = 4 * 2**20
_LIMIT_NODES = 200_000
_LIMIT_DEPTH = 64


class _Repeated(dict[str, Any]):
    """An object of a JSON file in which keys stand more than once."""

    repeated: tuple[str, ...] = ()


class _Loader(yaml.SafeLoader):
    """YAML's core values only: no dates, no sexagesimal numbers, no `yes` and `no`."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":float", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*|0[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")
)


def read_source(source: Path | str | Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The file's (or mapping's) content; an empty mapping and a fault where there is none."""
    if isinstance(source, Mapping):
        content: Any = source
    else:
        path = Path(source)
        try:
            content = _parse(path.suffix.lower(), _text(path), findings)
        except OSError as error:
            findings.fault("", f"{path} cannot be read: {error.strerror or type(error).__name__}")
            return {}
        except _Unreadable as error:
            findings.fault("", str(error))
            return {}
    if content is None:
        content = {}
    if not isinstance(content, Mapping):
        findings.fault("", "must be an object with keys at its top")
        return {}
    copied = _Copy(findings).copy(content, "", 0)
    return copied if isinstance(copied, dict) else {}


class _Unreadable(Exception):
    """The text is not what its suffix says; the message tells the place, never the content."""


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LIMIT_BYTES + 1)
    if len(content) > LIMIT_BYTES:
        raise _Unreadable(f"is larger than {LIMIT_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Unreadable("is not UTF-8 text") from None


def _parse(suffix: str, text: str, findings: Findings) -> Any:
    try:
        if suffix == ".json":
            return json.loads(text, object_pairs_hook=_pairs)
        if suffix == ".toml":
            return tomllib.loads(text)
        return _parse_yaml(text, findings)
    except json.JSONDecodeError as error:
        raise _Unreadable(f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at [^()]*\)$", str(error))
        raise _Unreadable(f"is not TOML {place[0] if place else ''}".rstrip()) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place_text = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _Unreadable(f"is not YAML: {place_text}{_plain_problem(error)}") from None
    except yaml.YAMLError:
        raise _Unreadable("is not YAML: it holds characters that YAML does not allow") from None
    except RecursionError:
        raise _Unreadable("is nested too deeply") from None
    except ValueError:
        raise _Unreadable("holds a value that cannot be read") from None


def _plain_problem(error: yaml.MarkedYAMLError) -> str:
    """The parser's complaint without anything quoted from the file."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "…", str(error.problem or "syntax error"))


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _Repeated(pairs)
    keys = [key for key, _ in pairs]
    found.repeated = tuple(sorted({key for key in keys if keys.count(key) > 1})) if len(found) < len(keys) else ()
    return found


def _parse_yaml(text: str, findings: Findings) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}
        _find_repeated(node, "", findings, [], [0])
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _find_repeated(node: yaml.Node, pointer: str, findings: Findings, above: list[int], count: list[int]) -> None:
    """Duplicate keys become faults. Aliases that contain themselves, or multiply without end, are refused."""
    count[0] += 1
    if id(node) in above or len(above) > _LIMIT_DEPTH or count[0] > _LIMIT_NODES:
        raise _Unreadable("holds aliases that never end, or is nested too deeply")
    above.append(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if name in seen:
                findings.fault(join(pointer, name), f"stands twice (again in line {key.start_mark.line + 1})")
            seen.add(name)
            _find_repeated(value, join(pointer, name), findings, above, count)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _find_repeated(value, join(pointer, position), findings, above, count)
    above.pop()


class _Copy:
    """Copies into plain dicts, lists and scalars, so that nothing is shared with the caller."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.nodes = 0

    def copy(self, value: Any, pointer: str, depth: int) -> Any:
        self.nodes += 1
        if depth > _LIMIT_DEPTH or self.nodes > _LIMIT_NODES:
            self.findings.fault("", "is nested too deeply or too large")
            return None
        if isinstance(value, Mapping):
            for key in getattr(value, "repeated", ()):
                self.findings.fault(join(pointer, key), "stands twice")
            return {
                self._key(key, pointer): self.copy(inner, join(pointer, key), depth + 1) for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.copy(inner, join(pointer, position), depth + 1) for position, inner in enumerate(value)]
        if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if isinstance(value, Path):
            return str(value)
        self.findings.fault(pointer, "is no JSON value")
        return None

    def _key(self, key: Any, pointer: str) -> str:
        if not isinstance(key, str):
            self.findings.fault(join(pointer, str(key)), "the key must be a text")
        return str(key)
