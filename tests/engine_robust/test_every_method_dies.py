"""Every method in every flow, its process gone at each of its appends: nothing is there by half."""

from pathlib import Path

import pytest

from tests.engine_robust.dying import die_at_each_append, from_the_start
from tests.support.engine import hook, ignore, parse
from tests.support.performing import PERFORMANCES, sections


@pytest.mark.parametrize("name", [f"{kind}-{method}" for kind, method in PERFORMANCES])
async def test_a_process_that_dies_at_an_append_leaves_nothing_by_half(name: str, tmp_path: Path) -> None:
    kind, method = name.split("-")
    hooks = {f"{kind}.after": [parse("/parse"), hook("/plain"), ignore("/ignore")]}
    prepare = PERFORMANCES[kind, method]
    await die_at_each_append(tmp_path, hooks, sections(kind, method), prepare, from_the_start)
