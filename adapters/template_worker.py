"""The process that evaluates untrusted Jsonnet templates: `python -I -S template_worker.py EXTENSION`.

It runs by itself, with the standard library only: nothing of limen, and nothing of the server's environment. Before
the first template it gives up everything it can: new privileges, files, core dumps, memory above 2 GiB. A template
that hangs or crashes it harms nobody: the pool kills it and starts another.

Both directions are frames: four bytes of length, big-endian, then JSON.

    -> ["render" | "check" | "map" | "check_map", source, ctx or claims as JSON text]
    <- {"output": text} | {"canceled": true} | {"kind": text, "line": number or null}
"""

import contextlib
import ctypes
import json
import os
import re
import resource
import struct
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any, Final

FILE: Final = "<template>"
MAX_OUTPUT: Final = 256 * 1024
"""Bytes a template may give. Kratos allows the same."""
MAX_ERROR: Final = 1024
CANCEL: Final = "RUNTIME ERROR: cancel"
TELLING: Final = (
    "Field does not exist",
    "Unexpected type",
    "Assertion failed",
    "Duplicate field name",
    "Undefined external variable",
    "Unknown variable",
    "max stack frames exceeded",
    "couldn't manifest function",
    "function has no parameter",
    "Missing argument",
    "overflow",
    "division by zero",
    "Index",
)
"""Beginnings of gojsonnet's own messages; what follows them is not told, since it may hold values of the context."""
WRONG_FUNCTION: Final = "its function takes ctx, and nothing else without a default"
LIBRARIES: Final = ("libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0")
"""What the engine's wheels for Linux need besides themselves."""


# --------------------------------------------------------------------------------------------------------- confinement


def limit() -> None:
    """No core dump, no file written, few descriptors, 2 GiB of address space. What a system refuses it does without."""
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
        (resource.RLIMIT_AS, 2 << 30),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def bind_to_parent() -> None:
    """Linux: ends with its parent, even in the middle of an endless template; gains no privileges any more."""
    if sys.platform != "linux":
        return
    kernel = ctypes.CDLL(None, use_errno=True)
    kernel.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
    kernel.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


def confine(readable: str | None) -> bool:
    """Linux with Landlock: from here on no file can be opened (but `readable`), no TCP connection made.

    It holds for this thread and those it starts, so it is called once before the engine brings its threads, and
    again, without exception, afterwards. False where the kernel has no Landlock.
    """
    if sys.platform != "linux":
        return False
    call = ctypes.CDLL(None, use_errno=True).syscall
    version = call(444, None, 0, 1)  # landlock_create_ruleset: which version?
    if version < 1:
        return False
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    rules = struct.pack("QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    ruleset = call(444, rules, len(rules) if version >= 6 else 16 if version >= 4 else 8, 0)
    if ruleset < 0:
        return False
    if readable is not None:
        opened = os.open(readable, os.O_PATH | os.O_CLOEXEC)
        call(445, ruleset, 1, struct.pack("=Qi", 0b101, opened), 0)  # landlock_add_rule: execute and read this one
        os.close(opened)
    done = call(446, ruleset, 0) == 0  # landlock_restrict_self
    os.close(ruleset)
    return bool(done)


def preload() -> bool:
    """Loads the libraries the engine needs, so that it loads where no other file can be opened; False: some differ."""
    try:
        for library in LIBRARIES:
            ctypes.CDLL(library)
    except OSError:
        return False
    return True


def load(extension: str) -> ModuleType:
    """The engine, from the path of its extension module: there is no site directory to find it in."""
    spec = spec_from_file_location("_gojsonnet", extension, loader=ExtensionFileLoader("_gojsonnet", extension))
    if spec is None or spec.loader is None:
        raise ImportError(extension)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------------------------------------------------- evaluation


def answer(engine: Any, mode: str, source: str, ctx: str) -> dict[str, Any]:
    """Evaluates one template. `check` calls no function: it only finds what does not compile.

    `map` gives the template the document as the external variable `claims` and not as an argument; `check_map` has
    none to give, so that what fails only for want of a claim is no fault.
    """
    imported: list[str] = []

    def refuse(_: str, name: str) -> tuple[str, bytes]:
        # a callback that raises corrupts the engine's message buffer: give it something, and remember
        imported.append(name)
        return f"/refused/{len(imported)}", b"null"

    # parseJson reads the document several times faster than the engine's parser, and gives the same values
    arguments = {"ctx": f"std.parseJson({json.dumps(ctx, ensure_ascii=False)})"} if mode == "render" else {}
    variables = {"claims": f"std.parseJson({json.dumps(ctx or '{}', ensure_ascii=False)})"} if "map" in mode else {}
    try:
        output = engine.evaluate_snippet(FILE, source, tla_codes=arguments, ext_codes=variables, import_callback=refuse)
    except Exception as error:  # the engine raises RuntimeError, its bindings ValueError and others
        return fault(str(error), source, mode) if not imported else {"kind": "import is refused", "line": None}
    if imported:
        return {"kind": "import is refused", "line": None}
    if len(output.encode()) > MAX_OUTPUT:
        return {"kind": f"more than {MAX_OUTPUT} bytes of output", "line": None}
    return {"output": output}


def fault(message: str, source: str, mode: str) -> dict[str, Any]:
    """What an error message of the engine comes to, without the values it may hold."""
    lines = source.count("\n") + 1
    if message.startswith(CANCEL):
        return {"canceled": True}
    if mode == "check_map" and message.startswith("RUNTIME ERROR: "):
        return {"output": ""}
    if message.startswith("RUNTIME ERROR: "):
        said = message.removeprefix("RUNTIME ERROR: ")
        if mode == "check" and said.startswith("Missing argument: "):
            # the engine got as far as calling the template's function, and has nothing to call it with
            takes_ctx = said.startswith("Missing argument: ctx\n")
            return {"output": ""} if takes_ctx else {"kind": WRONG_FUNCTION, "line": None}
        own = next((text for text in TELLING if said.startswith(text)), None)
        return {"kind": f"RUNTIME ERROR ({own})" if own else "RUNTIME ERROR", "line": _line(message, lines, "\t")}
    # a static error quotes the template only: the context is no part of what is compiled
    text = message.splitlines()[0][:MAX_ERROR] if message else "error"
    text = re.sub(rf"^{FILE}:(\d+:\d+(-\d+)?|\(\d+:\d+\)-\(\d+:\d+\)) ", "", text)
    return {"kind": text if mode.startswith("check") else "it does not compile", "line": _line(message, lines, "")}


def _line(message: str, lines: int, before: str) -> int | None:
    found = re.search(rf"^{before}{FILE}:\(?(\d{{1,6}}):", message, re.MULTILINE)
    return int(found[1]) if found and 1 <= int(found[1]) <= lines else None


# --------------------------------------------------------------------------------------------------------------- frames


def receive(count: int) -> bytes:
    """Exactly `count` bytes of standard input. Raises EOFError when the server has gone."""
    held = bytearray()
    while len(held) < count:
        chunk = os.read(0, min(count - len(held), 1 << 20))
        if not chunk:
            raise EOFError
        held += chunk
    return bytes(held)


def send(value: Any) -> None:
    """One frame on standard output."""
    data = json.dumps(value, ensure_ascii=False).encode()
    view = memoryview(struct.pack(">I", len(data)) + data)
    while view:
        view = view[os.write(1, view) :]


def main() -> None:
    """Confines itself, then answers until standard input ends."""
    limit()
    bind_to_parent()
    extension = sys.argv[1]
    if preload():
        confine(extension)
    engine = load(extension)
    confined = confine(None)
    engine.evaluate_snippet(FILE, "null")
    send({"ready": True, "confined": confined})
    with contextlib.suppress(EOFError):
        while True:
            (length,) = struct.unpack(">I", receive(4))
            mode, source, ctx = json.loads(receive(length))
            send(answer(engine, mode, source, ctx))


if __name__ == "__main__":
    main()
