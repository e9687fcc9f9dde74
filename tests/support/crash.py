"""A process that goes through flows on a store and may be killed at any instant, for what it leaves to be judged.

`python -m tests.support.crash` reads one JSON line after the other: a scene to play. It forks for each, so that nothing
is imported again, says the child's process id, and says when it has ended. The child writes to a file what it has been
told: an acknowledgement after each call has returned, and each message as the courier takes it.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from limen.adapters import open_engine
from limen.domain.engine import Engine
from limen.domain.ports import Mail, Step
from limen.domain.testing import MemoryCourier

ROOT = Path(__file__).parents[2]
PASSWORD = "a lasting pass phrase"
KINDS = ("registration", "login", "settings", "recovery", "verification")


@dataclass(frozen=True)
class Scene:
    """What a child does.

    `name` is of the person, new in each scene. `forever` is two at once: new people go through all flows, and `old`,
    who is registered already, through the others, beginning with the `nth`. `only` is one flow (or `move`: two), and a
    death at its `nth` append, `before` or after it (0: it lives).
    """

    config: str
    store: str
    told: str
    name: str
    forever: bool = False
    old: str = ""
    only: str = ""
    nth: int = 0
    before: bool = False


class Tale:
    """The file in which a child tells what it knows; a line is there whole or not at all."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def tell(self, what: str, **facts: Any) -> None:
        """Writes a line at once."""
        os.write(self._file, json.dumps({"what": what, **facts}).encode() + b"\n")


class TellingCourier(MemoryCourier):
    """A courier whose messages outlive the process."""

    def __init__(self, tale: Tale) -> None:
        super().__init__()
        self._tale = tale

    async def send(self, mail: Mail, *, id: UUID) -> None:
        await super().send(mail, id=id)
        self._tale.tell("mail", id=str(id), to=mail.to, code=mail.code)


class Person:
    """Somebody who goes through the flows, and tells what they were answered."""

    def __init__(self, engine: Engine, courier: MemoryCourier, tale: Tale, name: str) -> None:
        self.engine, self.courier, self.tale, self.name = engine, courier, tale, name
        self.address = f"{name}@example.org"
        self.changes = 0
        self.token = ""

    async def go_through(self, kind: str) -> None:
        """One flow from start to end; or a logout, which is none."""
        if kind == "logout":
            assert await self.engine.logout(self.token)
            return
        token = {"session_token": self.token} if kind == "settings" else {}
        flow = await self.engine.start(kind, **token)  # type: ignore[arg-type]
        self.tale.tell("started", flow=str(flow.id), kind=kind, who=self.address, token=self.token)
        right = {"identifier": self.address, "password": PASSWORD}
        match kind:
            case "registration":
                values = {"traits": {"email": self.address}, "password": PASSWORD}
                self.token = (await self.submit(flow.id, "password", values)).session_token
            case "login":
                await self.submit(flow.id, "password", {**right, "password": "not the pass phrase"})
                self.token = (await self.submit(flow.id, "password", right)).session_token
            case "settings":
                self.changes += 1
                values = {"traits": {"email": self.address, "age": 20 + self.changes}}
                await self.submit(flow.id, "profile", values, session_token=self.token)
            case _:
                await self.submit(flow.id, "code", {"email": self.address})
                messages = [mail for mail in self.courier.messages if mail.to == self.address and mail.code]
                code = messages[-1].code
                await self.submit(flow.id, "code", {"code": code})

    async def move(self) -> None:
        """A change of address that waits for its verification."""
        flow = await self.engine.start("settings", session_token=self.token)
        values = {"traits": {"email": f"new.{self.address}"}}
        outcome = await self.submit(flow.id, "profile", values, session_token=self.token)
        verification = UUID(outcome.continue_with[0]["flow"]["id"])
        await self.submit(verification, "code", {"code": self.courier.messages[-1].code})

    async def submit(self, flow: UUID, method: str, values: Mapping[str, Any], **options: Any) -> Any:
        """A submission, acknowledged after it has returned."""
        outcome = await self.engine.submit(flow, method=method, values=values, **options)
        self.tale.tell("submitted", flow=str(flow), state=outcome.state, token=outcome.session_token or "")
        return outcome


async def play(scene: Scene) -> None:
    """Plays a scene in this process."""
    tale = Tale(scene.told)
    courier = TellingCourier(tale)
    config = json.loads(Path(scene.config).read_text())  # noqa: ASYNC240 - before anything runs
    async with open_engine(config["kratos"], scene.store, settings=config["limen"], courier=courier) as engine:
        tale.tell("ready")
        person = Person(engine, courier, tale, scene.name)
        if scene.forever:
            old = Person(engine, courier, tale, scene.old)
            await asyncio.gather(for_ever(person, scene.name), again_and_again(old, scene.nth))
        first = {"registration": (), "logout": ("registration", "login")}
        for kind in first.get(scene.only, ("registration",)):
            await person.go_through(kind)
        await all_sent(engine)
        appends = arm(engine, scene)
        await (person.move() if scene.only == "move" else person.go_through(scene.only))
        await all_sent(engine)
        tale.tell("appended", times=appends())


async def all_sent(engine: Engine) -> None:
    """Returns when the worker has nothing more to do."""
    while await engine.streams.store.next_due() is not None:  # noqa: ASYNC110 - a store tells nobody
        await asyncio.sleep(0.005)


async def again_and_again(person: Person, first: int) -> None:
    """All flows but the first one, over and over, of somebody who has registered long ago."""
    for turn in range(first, 1_000_000):
        kind = KINDS[1 + turn % 4]
        await person.go_through(kind if person.token or kind != "settings" else "login")


async def for_ever(person: Person, name: str) -> None:
    """Whole lives, one after the other."""
    for count in range(1_000_000):
        person.address = f"{name}.{count}@example.org"
        for kind in KINDS:
            await person.go_through(kind)


def arm(engine: Engine, scene: Scene) -> Callable[[], int]:
    """From here on the appends are counted, and one of them is the process' last."""
    store: Any = engine.streams.store
    append: Callable[[Step], Awaitable[None]] = store.append
    count = 0

    async def deadly(step: Step) -> None:
        nonlocal count
        count += 1
        last = count == scene.nth
        if last and scene.before:
            os.kill(os.getpid(), signal.SIGKILL)
        await append(step)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    store.append = deadly
    return lambda: count


# ---------------------------------------------------------------------------------------------- the process that forks


def stage() -> None:
    """Forks a child for each line of input."""
    for line in sys.stdin:
        scene = Scene(**json.loads(line))
        child = os.fork()
        if not child:
            asyncio.run(play(scene))
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(status, flush=True)


class Stage:
    """The other end: plays scenes, one at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def begin(self, scene: Scene) -> int:
        """Begins a scene; the child's process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(scene)).encode() + b"\n")
        return await self._number()

    async def ended(self) -> int:
        """Waits for the end of the scene; 0, or the number of the signal that killed it."""
        return await self._number()

    async def _number(self) -> int:
        assert self._process.stdout is not None
        return int(await asyncio.wait_for(self._process.stdout.readline(), 30))


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """A stage, ready; gone afterwards."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "tests.support.crash")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    try:
        yield Stage(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)


def told(path: str) -> list[dict[str, Any]]:
    """What the children have told."""
    file = Path(path)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


if __name__ == "__main__":
    stage()
