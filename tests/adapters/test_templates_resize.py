"""The pool has as many workers as limen.yml says."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from limen.adapters import open_engine
from limen.adapters.templates import TemplatePool
from tests.support.children import children
from tests.support.engine import configuration, hook, uri


def workers() -> int:
    """Template workers of this process that are running."""
    return sum(_is_worker(child) for child in children())


def _is_worker(process: int) -> bool:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        return b"template_worker.py" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


async def crowd(pool: TemplatePool) -> None:
    """As many templates at once as anybody has workers for, each of them slow enough to meet the others."""
    slow = "function(ctx) std.length(std.range(1, 60000))"
    await asyncio.gather(*(pool.render(slow, {}) for _ in range(12)))


@pytest.mark.parametrize("wanted", [1, 2, 3, 5])
async def test_it_grows_and_shrinks_before_it_is_shared(wanted: int) -> None:
    async with TemplatePool(2) as pool:
        assert await pool.fault("function(ctx) 1") is None
        await pool.resize(wanted)
        assert await pool.fault("function(ctx) 1") is None
        assert workers() == 1, "the one that was started goes on"
        await crowd(pool)
        assert workers() == wanted
    assert workers() == 0


async def test_it_is_not_resized_under_way() -> None:
    async with TemplatePool(1) as pool:
        rendering = asyncio.ensure_future(pool.render("function(ctx) 1", {}))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="under way"):
            await pool.resize(3)
        await rendering


async def test_an_engine_has_the_number_of_workers_its_settings_give() -> None:
    config = configuration({"login.before": [hook("/one", id="one", body=uri("function(ctx) ctx.flow.id"))]})
    async with open_engine(config, "memory:", settings={"templates": {"workers": 4}}) as engine:
        pool = engine.tools.templates
        assert isinstance(pool, TemplatePool)
        await crowd(pool)
        assert workers() == 4
