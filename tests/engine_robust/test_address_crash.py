"""A process killed while an address changes: the change waits, or is made, or was never asked for; nothing by half."""

import asyncio
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from limen.adapters import open_engine
from limen.adapters.sink import Sink
from limen.adapters.store import open_store
from limen.domain.testing import FixedClock, MemoryCourier
from tests.engine_robust.audit import WholeLog, audit
from tests.support.addresses import PROFILE, VERIFY_NEW, notify
from tests.support.crash import Scene, Stage, open_stage, told
from tests.support.engine import configuration, hook

OLD, NEW = "person@example.org", "new.person@example.org"


async def test_killed_before_the_first_append_and_right_after_each_of_the_others(tmp_path: Path) -> None:
    seen = set()
    async with Sink() as sink, open_stage() as stage:
        hooks = {
            PROFILE: [VERIFY_NEW, hook("", url=f"{sink.url}/changed"), notify()],
            "registration.after": [{"hook": "session"}],
        }
        config = {"kratos": configuration(hooks), "limen": {}}
        await play(stage, tmp_path / "calm", config)
        appends = told(str(tmp_path / "calm" / "told"))[-1]["times"]
        assert appends >= 4, "start, change held, change made, deliveries"
        for nth in range(1, appends + 1):
            folder = tmp_path / str(nth)
            await play(stage, folder, config, nth=nth, before=nth == 1)
            seen.add(await judge(folder, config, sink))
    assert seen == {"unasked", "waits", "made"}


async def play(stage: Stage, folder: Path, config: dict[str, Any], **death: Any) -> None:
    """One life, up to the death."""
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    store, tale = f"sqlite:///{folder}/limen.db", str(folder / "told")
    await stage.begin(Scene(config=str(file), store=store, told=tale, name="person", only="move", **death))
    assert await stage.ended() == (signal.SIGKILL if death else 0)


async def judge(folder: Path, config: dict[str, Any], sink: Sink) -> str:
    """What the dead process left; then the person goes on and gets there all the same."""
    url, courier, clock = f"sqlite:///{folder}/limen.db", MemoryCourier(), FixedClock(datetime.now(UTC))
    store = open_store(url)
    log = await audit(store)
    store.close()
    stands, calls = standing(log), len(sink.of("/changed"))
    async with asyncio.timeout(30), open_engine(config["kratos"], url, courier=courier, clock=clock) as engine:
        clock.advance(300)  # whatever the dead process had in hand is not its own any more
        if stands == "waits":
            (held,) = log.of("TraitsChangeHeld")
            codes = [line["code"] for line in told(str(folder / "told")) if line.get("to") == NEW and line["code"]]
            while not codes:
                await asyncio.sleep(0.01)
                codes = [mail.code for mail in courier.messages if mail.to == NEW]
            outcome = await engine.submit(held.verification_id, method="code", values={"code": codes[-1]})
            assert outcome.completed
            assert len(sink.of("/changed")) == calls + 1
        while await engine.streams.store.next_due() is not None:  # noqa: ASYNC110 - a store tells nobody
            await asyncio.sleep(0.01)
        whole = await audit(engine)
    notices = [one for one in whole.deliveries() if one.action == "verifiable_address_changed"]
    assert [one.state for one in notices] == ([] if stands == "unasked" else ["delivered"])
    return stands


def standing(log: WholeLog) -> str:
    """How far it came: all that belongs to a step is there with it, or none of it."""
    held, made = log.of("TraitsChangeHeld"), log.of("TraitsChanged")
    assert len(log.of("FlowInterrupted")) == len(held)
    mails = [one for one in log.deliveries() if one.action == "verification_code_valid"]
    assert len(mails) == 1 + len(held), "that of the registration, and that of the change"
    if not held:
        return "unasked"
    flow = log.flow(UUID(str(held[0].verification_id)))
    assert (flow.state == "completed") == bool(made)
    assert len(log.of("AddressVerified")) == len(made)
    assert len([one for one in log.deliveries() if one.channel == "web_hook"]) == len(made)
    assert len(log.of("IdentifierReserved")) == 1 + len(made)
    return "made" if made else "waits"
