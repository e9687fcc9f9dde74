"""Templates are rendered as Kratos renders them, and hostile ones harm nobody."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from limen.adapters.template_worker import fault
from limen.adapters.templates import TemplatePool
from limen.domain.templating import TemplateCanceled, TemplateFailed
from tests.support.children import children

SECRET = "p@ssw0rd-of-the-context"


@pytest.fixture
async def pool() -> AsyncIterator[TemplatePool]:
    async with TemplatePool(2) as opened:
        yield opened


class TestRendering:
    @pytest.mark.parametrize(
        ("source", "rendered"),
        [
            ("null", b"null\n"),
            ("function(ctx) null", b"null\n"),
            ("{a: 1}", b'{\n   "a": 1\n}\n'),
            ('"text"', b'"text"\n'),
            ("[1, 2.5, true]", b"[\n   1,\n   2.5,\n   true\n]\n"),
            ("function(ctx) {a: [], b: {}, c:: 1}", b'{\n   "a": [ ],\n   "b": { }\n}\n'),
            ("function(ctx) ctx.n", b"12345678901234567168\n"),
            ("function(ctx) ctx.name", '"Zoë 😀\\u0000/"\n'.encode()),
            ("function(ctx, more=2) more", b"2\n"),
            ("function() 7", None),
        ],
    )
    async def test_any_json_value_in_the_engines_own_layout(
        self, pool: TemplatePool, source: str, rendered: bytes | None
    ) -> None:
        ctx = {"n": 12345678901234567890, "name": "Zoë 😀\0/"}
        if rendered is None:
            with pytest.raises(TemplateFailed, match="function has no parameter"):
                await pool.render(source, ctx)
        else:
            assert await pool.render(source, ctx) == rendered

    async def test_the_context_arrives_whole(self, pool: TemplatePool) -> None:
        ctx = {"flow": {"ui": {"nodes": [{"a": None}, {"b": -0.5}]}}, "$": "'\"\\\n\u2028", "self": {"__proto__": True}}
        assert json.loads(await pool.render("function(ctx) ctx", ctx)) == ctx

    async def test_cancel_is_no_failure(self, pool: TemplatePool) -> None:
        with pytest.raises(TemplateCanceled):
            await pool.render('function(ctx) if ctx.skip then error "cancel" else ctx', {"skip": True})

    async def test_a_value_of_the_context_cannot_cancel_through_a_longer_message(self, pool: TemplatePool) -> None:
        with pytest.raises(TemplateFailed):
            await pool.render('function(ctx) error "no: " + ctx.name', {"name": "RUNTIME ERROR: cancel"})

    async def test_the_context_is_no_external_variable(self, pool: TemplatePool) -> None:
        with pytest.raises(TemplateFailed, match=r"Undefined external variable\) at welcome:2"):
            await pool.render('{\n a: std.extVar("ctx")}', {"a": 1}, name="welcome")

    async def test_as_many_at_once_as_there_are_workers(self, pool: TemplatePool) -> None:
        rendered = await asyncio.gather(*(pool.render("function(ctx) ctx.i", {"i": i}) for i in range(50)))
        assert rendered == [f"{i}\n".encode() for i in range(50)]

    async def test_first_come_first_served(self) -> None:
        async with TemplatePool(1) as pool:
            done: list[str] = []

            async def one_after_the_other(name: str) -> None:
                for _ in range(4):
                    await pool.render("null", {})
                    done.append(name)

            await asyncio.gather(*(one_after_the_other(name) for name in "abc"))
        assert "".join(done) == "abcabcabcabc"


class TestFailures:
    @pytest.mark.parametrize(
        ("source", "detail"),
        [
            ("function(ctx)\n  ctx.secret.nope", "RUNTIME ERROR (Unexpected type) at welcome:2"),
            ("function(ctx)\n\n  ctx[ctx.secret]", "RUNTIME ERROR (Field does not exist) at welcome:3"),
            ('function(ctx) error "no " + ctx.secret', "RUNTIME ERROR at welcome:1"),
            ("function(ctx) error ctx.secret", "RUNTIME ERROR at welcome:1"),
            ("function(ctx) {[ctx.secret]: 1, [ctx.secret]: 2}", "RUNTIME ERROR (Duplicate field name) at welcome:1"),
            ("function(ctx) std.assertEqual(ctx.secret, 1)", "RUNTIME ERROR (Assertion failed) at welcome:1"),
            ("function(ctx) std.parseJson(ctx.secret)", "RUNTIME ERROR at welcome:1"),
            ("function(ctx)\n {a: b}", "it does not compile at welcome:2"),
            ("function(ctx) {", "it does not compile at welcome:1"),
        ],
    )
    async def test_they_name_template_and_line_and_no_value(self, pool: TemplatePool, source: str, detail: str) -> None:
        with pytest.raises(TemplateFailed) as failed:
            await pool.render(source, {"secret": SECRET}, name="welcome")
        assert failed.value.detail == detail
        assert SECRET not in str(failed.value)

    def test_a_forged_line_number_is_not_told(self) -> None:
        said = fault("RUNTIME ERROR: x\n\t<template>:424242:1-2\tfunction", "one line", "render")
        assert said == {"kind": "RUNTIME ERROR", "line": None}


class TestChecking:
    @pytest.mark.parametrize(
        "source",
        [
            "function(ctx) ctx.whatever.is.not.there",
            'function(ctx) error "only when it runs"',
            'function(ctx) import "refused when it runs"',
            "function(ctx, more=1) ctx",
            '{a: "no function"}',
            "null",
            'error "cancel"',
        ],
    )
    async def test_what_compiles_has_no_fault(self, pool: TemplatePool, source: str) -> None:
        assert await pool.fault(source) is None

    @pytest.mark.parametrize(
        ("source", "fault"),
        [
            ("function(ctx) {", "line 1: Unexpected: end of file while parsing field definition"),
            ("\n\nfunction(ctx) {a: nobody}", "line 3: Unknown variable: nobody"),
            ("function(ctx) ctx) + (1", 'line 1: Did not expect: ")"'),
            ("function(context) context", "its function takes ctx, and nothing else without a default"),
            ('{a: import "file"}', "import is refused"),
            ("std.range(1, 1e9)", "it crashes the evaluation"),
            ("{a: function(ctx) 1}", "RUNTIME ERROR (couldn't manifest function)"),
        ],
    )
    async def test_what_can_never_render_has_one(self, pool: TemplatePool, source: str, fault: str) -> None:
        assert await pool.fault(source) == fault


HOSTILE = {
    "nested too deep for the parser": "(" * 100_000 + "1" + ")" * 100_000,
    "a list larger than memory": "std.range(1, 1e9)",
    "an array larger than memory": "std.makeArray(1e9, function(i) i)",
    "an endless sum": "function(ctx) std.foldl(function(a, b) a + b, std.range(1, 5e6), 0)",
    "exponential work": 'local g(n) = if n == 0 then "xx" else g(n - 1) + g(n - 1); std.length(g(30))',
    "an infinite number": "std.parseJson('{\"a\":1e400}')",
    "endless recursion": "local f(x) = f(x) + 1; f(1)",
    "a value made of itself": "local x = x; x",
    "too much output": 'std.repeat("x", 300000)',
    "a huge string": 'std.repeat("x", 3e9)',
    "a huge error": 'error std.repeat("x", 1e6)',
    "a file read": 'importstr "/etc/passwd"',
    "a file evaluated": 'import "/etc/passwd"',
    "a file of bytes": 'importbin "/etc/passwd"',
    "deep JSON": "std.parseJson('" + "[" * 500_000 + "')",
    "a wide format": '"%2000000000d" % 1',
    "a zero byte": '"a\0b"',
    "half a surrogate": '"\ud800"',
}


class TestHostileTemplates:
    @pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
    async def test_they_fail_alone_and_soon(self, source: str) -> None:
        async with TemplatePool(1) as pool:
            await pool.render("null", {})
            started = time.monotonic()
            with pytest.raises(TemplateFailed) as failed:
                await pool.render(source, {"secret": SECRET}, name="hostile")
            assert time.monotonic() - started < 5
            assert len(failed.value.detail) < 200
            assert SECRET not in failed.value.detail
            assert "root:" not in failed.value.detail
            assert await pool.render("function(ctx) ctx.a", {"a": 1}) == b"1\n"

    async def test_a_hanging_one_does_not_hold_up_the_other_worker(self, pool: TemplatePool) -> None:
        await asyncio.gather(pool.render("null", {}), pool.render("null", {}))
        hanging = asyncio.ensure_future(pool.render(HOSTILE["exponential work"], {}))
        await asyncio.sleep(0.05)
        assert await pool.render("function(ctx) 1", {}) == b"1\n"
        assert not hanging.done()
        with pytest.raises(TemplateFailed, match="it takes longer than 1 s at template"):
            await hanging

    @pytest.mark.parametrize(
        ("ctx", "why"),
        [
            ({"a": float("nan")}, "infinite"),
            ({"a": [float("inf")]}, "infinite"),
            ({"a": 10**400}, "infinite"),
            ({"a": object()}, "not JSON"),
            ({1: "a"}, "no string"),
            ({"a": "x" * (3 << 20)}, "more than"),
            ({"a": "\ud800"}, "surrogate"),
        ],
    )
    async def test_a_context_that_is_not_json_is_refused_before_rendering(
        self, pool: TemplatePool, ctx: Any, why: str
    ) -> None:
        with pytest.raises(TemplateFailed, match=why):
            await pool.render("function(ctx) ctx", ctx)

    async def test_a_context_nested_too_deep_is_refused_before_rendering(self, pool: TemplatePool) -> None:
        ctx: dict[str, Any] = {}
        for _ in range(70):
            ctx = {"a": ctx}
        with pytest.raises(TemplateFailed, match="deeper than 64"):
            await pool.render("function(ctx) ctx", ctx)


def about(pid: int | str, name: str) -> str:
    """What Linux says of a process."""
    return Path(f"/proc/{pid}/{name}").read_text()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc, which only Linux has")
class TestWorkers:
    async def test_they_start_when_first_needed_and_end_with_the_pool(self) -> None:
        before = children()
        async with TemplatePool(2) as pool:
            assert not children() - before
            await asyncio.gather(*(pool.render("null", {}) for _ in range(8)))
            assert len(children() - before) == 2
        assert not children() - before
        with pytest.raises(RuntimeError, match="closed"):
            await pool.render("null", {})

    async def test_they_have_given_up_what_they_could(self) -> None:
        before = children()
        async with TemplatePool(1) as pool:
            await pool.render("null", {})
            (pid,) = children() - before
            limits = about(pid, "limits")
            status = about(pid, "status")
            environment = about(pid, "environ")
        rows = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
        assert rows["Max core file size"] == rows["Max file size"] == "0"
        assert rows["Max open files"] == "16"
        assert rows["Max address space"] == str(2 << 30)
        assert "NoNewPrivs:\t1" in status
        assert {entry.partition("=")[0] for entry in environment.split("\0") if entry} <= {"GOTRACEBACK", "PATH"}

    async def test_one_that_is_killed_is_replaced(self) -> None:
        before = children()
        async with TemplatePool(1) as pool:
            await pool.render("null", {})
            (pid,) = children() - before
            os.kill(pid, signal.SIGKILL)
            for _ in range(3):
                try:
                    assert await pool.render("1", {}) == b"1\n"
                    break
                except TemplateFailed:
                    continue
            else:
                pytest.fail("no worker came back")

    async def test_an_evaluation_given_up_leaves_no_answer_for_the_next(self, pool: TemplatePool) -> None:
        async def give_up() -> None:
            async with asyncio.timeout(0.05):
                await pool.render(HOSTILE["exponential work"], {})

        await asyncio.gather(pool.render("null", {}), pool.render("null", {}))
        given_up = await asyncio.gather(give_up(), give_up(), return_exceptions=True)
        assert [type(outcome) for outcome in given_up] == [TimeoutError, TimeoutError]
        assert [await pool.render(str(i), {}) for i in range(4)] == [f"{i}\n".encode() for i in range(4)]

    async def test_the_engine_is_never_loaded_here(self, pool: TemplatePool) -> None:
        await pool.render("null", {})
        assert "gojsonnet" not in about("self", "maps")
