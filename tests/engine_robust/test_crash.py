"""A process killed at any instant has lost nothing, done nothing by half, and sent nothing twice that it need not.

Children go through all five flows, with actions on both sides of each, on one SQLite file. What was acknowledged to
them, what the web hooks' target got and what the courier took is compared with the log.
"""

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from limen.adapters import open_engine
from limen.adapters.sink import Sink
from limen.adapters.store import open_store
from limen.domain.engine import Engine
from limen.domain.errors import FlowBusy, FlowFinished
from limen.domain.flow import Flow
from limen.domain.testing import FixedClock, MemoryCourier
from tests.engine_robust.audit import WholeLog, audit
from tests.support.children import children
from tests.support.crash import KINDS, PASSWORD, Scene, Stage, open_stage, told
from tests.support.engine import configuration, hook, ignore, parse

KILLS = 50
TIMEOUT = 5
"""Seconds an action may take; so a flow that was left busy is its user's again within a minute or so."""


@dataclass
class Theatre:
    """One store and one target; what happened to both of them so far."""

    path: Path
    sink: Sink
    caught: set[UUID] = field(default_factory=set)
    """Triggers that were on their way when a process was killed: they may come again."""

    @property
    def store(self) -> str:
        return f"sqlite:///{self.path / 'limen.db'}"

    @property
    def told(self) -> str:
        return str(self.path / "told")

    def config(self) -> dict[str, Any]:
        """All five flows with an action of every timing."""
        ids, hooks = list[str](), dict[str, list[dict[str, Any]]]()

        def at(make: Any, name: str) -> dict[str, Any]:
            ids.append(name)
            made: dict[str, Any] = make("", id=name, url=f"{self.sink.url}/{name.replace('.', '/')}")
            return made

        for kind in KINDS:
            hooks[f"{kind}.before"] = [at(hook, f"{kind}.before")]
            after = [at(parse, f"{kind}.check"), at(hook, f"{kind}.plain"), at(ignore, f"{kind}.ignored")]
            hooks[f"{kind}.after"] = after
        hooks["registration.after"].append({"hook": "session"})
        return {
            "kratos": configuration(hooks),
            "limen": {"actions": {name: {"timeout": f"{TIMEOUT}s"} for name in ids}},
        }

    def scene(self, name: str, **options: Any) -> Scene:
        """A scene on this store."""
        config = self.path / "config.json"
        config.write_text(json.dumps(self.config()))
        return Scene(config=str(config), store=self.store, told=self.told, name=name, **options)

    def heard(self, what: str) -> int:
        """How often children have told this; asked again and again, so nothing is decoded."""
        return Path(self.told).read_bytes().count(f'"what": "{what}"'.encode())

    async def hears(self, what: str, count: int) -> None:
        """Returns when children have told this so often."""
        async with asyncio.timeout(60):
            while self.heard(what) < count:  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.01)

    async def look(self) -> WholeLog:
        """The log as a dead process left it: whole, with everything it had acknowledged, and who was on the way."""
        store = open_store(self.store)
        try:
            log = await audit(store)
        finally:
            store.close()
        self.caught |= {one.trigger_id for one in log.deliveries() if one.state == "attempting"}
        for line in told(self.told):
            if line["what"] == "started":
                assert log.flow(UUID(line["flow"])).back, "an acknowledged start is open"
            if line["what"] == "submitted":
                reached = {
                    "completed": "FlowCompleted",
                    "sent_email": "ChallengeSent",
                    "choose_method": "MethodRefused",
                }
                types = {type(event).__name__ for event in log.stream(UUID(line["flow"]))}
                assert reached[line["state"]] in types
        return log

    def requests(self) -> Counter[str]:
        """How often each trigger arrived."""
        return Counter(request.header("Ory-Webhook-Trigger-ID") or "" for request in self.sink.received)


@pytest.fixture
async def theatre(tmp_path: Path) -> AsyncIterator[Theatre]:
    async with Sink() as sink:
        yield Theatre(tmp_path, sink)


async def recover(theatre: Theatre, left: WholeLog) -> WholeLog:
    """Opens the store again, minutes later: everything left over comes to its end. The log then."""
    config, courier = theatre.config(), MemoryCourier()
    clock = FixedClock(datetime.now(UTC))
    options: Any = {"settings": config["limen"], "courier": courier, "clock": clock}
    async with open_engine(config["kratos"], theatre.store, **options) as engine:
        await everybody_waits(engine, left)
        clock.advance(timedelta(minutes=5).total_seconds())
        await all_ended(engine)
        await everybody_goes_on(engine, theatre, left, courier)
        await all_ended(engine)
        for line in told(theatre.told):
            if line["what"] == "submitted" and line["token"]:
                assert await engine.session(line["token"]) is not None, "a session that was given out holds"
        log = await audit(engine)
    compare_with_the_outside(theatre, log, courier)
    return log


async def everybody_waits(engine: Engine, left: WholeLog) -> None:
    """Before its time is over nobody takes a flow away from a process that might yet live."""
    for id_ in unfinished(left):
        until = left.flow(id_).busy_until
        if until is not None and until > engine.tools.clock.now():
            with pytest.raises(FlowBusy):
                await engine.submit(id_, method="password", values={})


def unfinished(log: WholeLog) -> list[UUID]:
    return [one.originator_id for one in log.of("FlowInitiated") if not log.flow(one.originator_id).ended]


async def everybody_goes_on(engine: Engine, theatre: Theatre, left: WholeLog, courier: MemoryCourier) -> None:
    """Each flow that was left comes back to its user and can be completed; one that never reached them has failed."""
    known = {line["flow"]: line for line in told(theatre.told) if line["what"] == "started"}
    for id_ in unfinished(left):
        before = left.flow(id_)
        if before.state == "preparing":
            with pytest.raises(FlowFinished):
                await engine.submit(id_, method="password", values={})
            assert (await engine.streams.load(Flow, id_)).state == "failed"
        elif str(id_) in known:
            line = known[str(id_)]
            outcome = await resume(engine, before, line["who"], line["token"], codes(theatre, courier))
            assert outcome.state == "completed", (before.kind, before.state, outcome.flow.messages)
            after = await engine.streams.store.events(id_, before.version)
            assert (type(after[0]).__name__ == "FlowReleased") == before.busy


def codes(theatre: Theatre, courier: MemoryCourier) -> dict[str, str | None]:
    """The code of every message, by its delivery."""
    sent = {line["id"]: line["code"] for line in told(theatre.told) if line["what"] == "mail"}
    return sent | {str(id_): mail.code for id_, mail in zip(courier.ids, courier.messages, strict=True)}


async def resume(engine: Engine, flow: Flow, who: str, token: str, sent: dict[str, str | None]) -> Any:
    """What the user would have submitted next."""
    match flow.kind:
        case "registration":
            values: dict[str, Any] = {"traits": {"email": who}, "password": PASSWORD}
            return await engine.submit(flow.id, method="password", values=values)
        case "login":
            values = {"identifier": who, "password": PASSWORD}
            return await engine.submit(flow.id, method="password", values=values)
        case "settings":
            values = {"traits": {"email": who, "age": 99}}
            return await engine.submit(flow.id, method="profile", values=values, session_token=token)
    if flow.challenge is None:
        outcome = await engine.submit(flow.id, method="code", values={"email": who})
        assert outcome.state == "sent_email"
        flow = await engine.streams.load(Flow, flow.id)
        courier: Any = engine.dispatcher.courier
        sent = {str(courier.ids[-1]): courier.messages[-1].code}
    return await engine.submit(flow.id, method="code", values={"code": sent[str(flow.deliveries[-1])]})


async def all_ended(engine: Engine) -> None:
    """Returns when the worker has nothing more to do."""
    async with asyncio.timeout(20):
        while await engine.streams.store.next_due() is not None:  # noqa: ASYNC110 - a store tells nobody
            await asyncio.sleep(0.005)


def compare_with_the_outside(theatre: Theatre, log: WholeLog, courier: MemoryCourier) -> None:
    """Every delivery arrived, once; twice only where it was on its way when its process died."""
    arrived, taken = theatre.requests(), Counter[str](map(str, courier.ids))
    taken.update(line["id"] for line in told(theatre.told) if line["what"] == "mail")
    for one in log.deliveries():
        assert one.state == "delivered", (one.action, one.state)
        times = taken[str(one.id)] if one.channel == "message" else arrived[str(one.trigger_id)]
        assert times >= 1, f"{one.action} was lost"
        assert times == 1 or one.trigger_id in theatre.caught, f"{one.action} came {times} times"
    delivered = {str(one.trigger_id) for one in log.deliveries()}
    blocking = {str(one.trigger_id) for one in log.of("ActionStarted")}
    assert set(arrived) <= delivered | blocking, "nothing is sent that is not on record"
    assert {arrived[trigger] for trigger in blocking} <= {0, 1}, "a blocking action is never called again by itself"
    answered = [one for one in log.of("ActionAnswered") if one.status is not None]
    assert len(answered) <= sum(arrived[trigger] for trigger in blocking)


# ----------------------------------------------------------------------------------------------------- at any instant


async def test_killed_at_random_instants_it_loses_nothing(theatre: Theatre) -> None:
    log, workers, when = WholeLog(()), set[int](), random.Random()
    async with open_stage() as stage:
        await stage.begin(theatre.scene("old", only="registration"))
        assert await stage.ended() == 0
        for number in range(KILLS):
            await kill_somewhere(theatre, stage, number, when, workers)
            log = await theatre.look()
    assert len(log.of("FlowCompleted")) > KILLS, "they were killed before they could do anything"
    assert len({log.flow(id_).kind for id_ in unfinished(log)}) > 2
    assert {"preparing", "finishing"} <= {log.flow(id_).state for id_ in unfinished(log)}
    await recover(theatre, log)
    await none_is_left(workers)


async def kill_somewhere(theatre: Theatre, stage: Stage, number: int, when: random.Random, workers: set[int]) -> None:
    """Kills a child: each sixth while it opens the store, the others at once after, or when it has got on a bit.

    How far it has got is counted in what it has told, not in time: a slow machine does not let it do less.
    """
    ready, answered = theatre.heard("ready"), theatre.heard("submitted")
    child = await stage.begin(theatre.scene(f"person{number}", forever=True, old="old", nth=number))
    if number % 6:
        await theatre.hears("ready", ready + 1)
    if not number % 2 and number % 6:
        await theatre.hears("submitted", answered + when.randint(4, 20))
    await asyncio.sleep(when.uniform(0.005, 0.15))
    workers |= children(child)
    os.kill(child, signal.SIGKILL)
    assert await stage.ended() == signal.SIGKILL


async def none_is_left(workers: set[int]) -> None:
    """What a killed process had started has ended by itself."""
    assert workers
    async with asyncio.timeout(10):
        while any(running(worker) for worker in workers):  # noqa: ASYNC110 - they tell nobody
            await asyncio.sleep(0.02)


def running(process: int) -> bool:
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False
    return b"template_worker" in command


# ------------------------------------------------------------------------------------------------ around every append


@pytest.mark.parametrize("kind", KINDS)
async def test_killed_right_before_and_right_after_each_append_of_a_flow(tmp_path: Path, kind: str) -> None:
    async with Sink() as sink, open_stage() as stage:
        calm = Theatre(tmp_path / "calm", sink)
        calm.path.mkdir()
        await stage.begin(calm.scene("calm", only=kind))
        assert await stage.ended() == 0
        appends = told(calm.told)[-1]["times"]
        assert appends >= 7, "start, begun actions, verdict, commit, deliveries: each is an append"
        log = await calm.look()
        await recover(calm, log)
    seen = set()
    async with open_stage() as stage:
        for nth in range(1, appends + 1):
            for before in (True, False):
                async with Sink() as sink:
                    theatre = Theatre(tmp_path / f"{nth}-{before}", sink)
                    theatre.path.mkdir()
                    await stage.begin(theatre.scene("person", only=kind, nth=nth, before=before))
                    assert await stage.ended() in (0, signal.SIGKILL)
                    log = await theatre.look()
                    seen |= {log.flow(one.originator_id).state for one in log.of("FlowInitiated")}
                    await recover(theatre, log)
    assert {"preparing", "finishing", "completed"} <= seen
