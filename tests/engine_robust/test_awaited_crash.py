"""A process killed between two actions that its flow waited for: the second is sent once, by another, in its time."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from limen.adapters import open_engine
from limen.adapters.sink import Sink
from limen.domain.testing import FixedClock
from tests.engine_robust.audit import audit
from tests.support.crash import Scene, open_stage
from tests.support.engine import configuration, hook, towards

END_OF_A = 4
"""The append after which it dies: the configuration, the flow, its completion, then this one."""
SILENT = {"flows": {"verification": {"enabled": False}}}
"""Nobody is sent a message, so there are no more appends than these."""


async def test_what_was_not_reached_is_sent_once_after_its_lease(tmp_path: Path) -> None:
    async with Sink() as sink:
        hooks = {"registration.after": [hook("/a", id="a"), hook("/b", id="b")]}
        config: Any = {"kratos": towards(configuration(hooks, selfservice=SILENT), sink.url), "limen": {}}
        path, store = tmp_path / "config.json", f"sqlite:///{tmp_path / 'limen.db'}"
        path.write_text(json.dumps(config))
        scene = Scene(config=str(path), store=store, told=str(tmp_path / "told"), name="ada", only="registration")
        async with open_stage() as stage:
            await stage.begin(replace(scene, nth=END_OF_A))
            assert await stage.ended() == 9, "it was killed"
        assert [one.path for one in sink.received] == ["/a"]
        clock = FixedClock(datetime.now(UTC))
        async with open_engine(config["kratos"], store, settings={}, clock=clock, worker=False) as engine:
            due = await engine.streams.store.next_due()
            assert due is not None
            assert 30 + 15 < (due - clock.now()).total_seconds() <= 60 + 15, "until then it was the dead one's"
            (id_,) = await engine.streams.store.due(due, 2)
            assert await engine.dispatcher.deliver(id_) is None
            clock.advance(60 + 15)
            await engine.dispatcher.deliver(id_)
            log = await audit(engine)
        assert [one.path for one in sink.received] == ["/a", "/b"]
        assert {one.state for one in log.deliveries()} == {"delivered"}
