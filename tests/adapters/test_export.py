"""An export holds the log, goes on where an earlier run ended, and says who opened what it says of people."""

import asyncio
import io
import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pyarrow.parquet  # type: ignore[import-untyped]  # it comes without types
import pytest

from limen.adapters.export import FORMATS, Disclosure, Format, export, parts, persons
from limen.adapters.export.ocsf import Authentications
from limen.adapters.keyring import Keys
from limen.adapters.log import open_log
from limen.adapters.store import open_store
from limen.adapters.system import SystemSecrets
from limen.domain.errors import ExportRefused, StoreUnusable
from limen.domain.export import PersonalDataExported
from limen.domain.ports import Step
from limen.domain.request import Request
from tests.engine_robust.life import found
from tests.support.engine import ADA, PASSWORD, House, open_house
from tests.support.postgres import fresh_database

ADDRESS, AGENT, NAME = "203.0.113.77", "Markerbrowser/77.3", "Zoë-Ñandú"
WORDS = (ADA, ADDRESS, AGENT, NAME)
BROWSER = Request(headers=(("User-Agent", AGENT),), client_ip=ADDRESS)
SECRET = "a-cipher-secret-of-32-characters"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'limen.db'}"
        return
    with fresh_database() as url:
        yield url


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts and their groups are small, so that a small log has many."""
    monkeypatch.setattr(parts, "PART_EVENTS", 11)
    monkeypatch.setattr(parts, "GROUP_EVENTS", 4)


async def submit(house: House, kind: str, method: str, **values: Any) -> Any:
    flow = await house.engine.start(kind, request=BROWSER)
    return await house.engine.submit(flow.id, method=method, values=values, request=BROWSER)


async def live(url: str) -> UUID:
    """Somebody registers, mistypes a password, signs in, recovers and signs out; their id."""
    async with open_house({"registration.after": [{"hook": "session"}]}, store=url) as house:
        traits = {"email": ADA, "name": {"first": NAME}}
        done = await submit(house, "registration", "password", traits=traits, password=PASSWORD)
        await submit(house, "login", "password", identifier=ADA, password="not the pass phrase")
        signed = await submit(house, "login", "password", identifier=ADA, password=PASSWORD)
        asked = await submit(house, "recovery", "code", email=ADA)
        await house.engine.submit(asked.flow.id, method="code", values={"code": house.code}, request=BROWSER)
        await house.engine.logout(signed.session_token)
        identity = done.flow.identity_id
    assert isinstance(identity, UUID)
    return identity


async def live_again(url: str) -> None:
    """They sign in once more."""
    async with open_house(store=url) as house:
        await submit(house, "login", "password", identifier=ADA, password=PASSWORD)


async def erase(url: str, identity: UUID) -> None:
    async with open_house(store=url) as house:
        await house.engine.erase(identity)


def disclose(url: str, output: Path | io.BytesIO, secret: str = SECRET, reason: str = "", **options: Any) -> Any:
    """An export with personal data, as an application does it."""
    store = open_store(url)
    try:
        disclosure = Disclosure(store, Keys(store, [secret], SystemSecrets()), reason)
        return export(url, output, disclosure=disclosure, **options)
    finally:
        store.close()


def logged(url: str, type: str | None = None) -> list[dict[str, Any]]:
    with open_log(url) as log:
        return [entry.body() for entry in log.events(type=type)]


def lines(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def beside(folder: Path) -> list[str]:
    """What is in a folder beside a store."""
    return [path.name for path in folder.iterdir() if not path.name.startswith("limen.db")]


def all_bytes(output: Path) -> dict[str, bytes]:
    """What an export is made of, by file name."""
    listed = sorted(output.glob("*.parquet")) if output.is_dir() else [output]
    return {path.name: path.read_bytes() for path in listed}


def told(output: Path) -> bytes:
    """All that an export says; what is compressed, opened too."""
    texts = list(all_bytes(output).values())
    if output.is_dir():
        table = pyarrow.parquet.read_table(output)
        texts += [str(value).encode() for column in table.columns for value in column.to_pylist()]
    return b"\n".join(texts)


# -------------------------------------------------------------------------------------------------------- what it holds


async def test_a_line_is_what_the_log_shows(url: str, tmp_path: Path) -> None:
    await live(url)
    whole, stream = logged(url), io.BytesIO()
    done = export(url, tmp_path / "log.jsonl")
    assert (done.events, done.position) == (len(whole), whole[-1]["position"])
    assert lines((tmp_path / "log.jsonl").read_bytes()) == whole
    export(url, stream)
    assert stream.getvalue() == (tmp_path / "log.jsonl").read_bytes()
    assert b'"profile":{"sealed":true}' in stream.getvalue()
    assert found(stream.getvalue(), WORDS) == []
    stream = io.BytesIO()
    assert export(url, stream, after=whole[9]["position"]).events == len(whole) - 10
    assert lines(stream.getvalue()) == whole[10:]


async def append(url: str, *times: datetime) -> None:
    """Events that happened at these times, recorded in this order."""
    store = open_store(url)
    for time in times:
        event = PersonalDataExported(
            originator_id=uuid4(), originator_version=1, timestamp=time, format="jsonl", after=0, through=0
        )
        await store.append(Step(events=[event]))
    store.close()


async def test_spans_that_meet_leave_nothing_out_and_have_nothing_twice(url: str, tmp_path: Path) -> None:
    """Even where a process whose clock is slow has recorded something a little late."""
    minutes = [0, 1, 3, 2, 4, 6, 5, 5, 7]
    await append(url, *(NOON + timedelta(minutes=minute) for minute in minutes))
    for cut in range(9):
        at, streams = NOON + timedelta(minutes=cut), (io.BytesIO(), io.BytesIO())
        export(url, streams[0], until=at)
        export(url, streams[1], since=at)
        assert lines(streams[0].getvalue() + streams[1].getvalue()) == logged(url)
    stream = io.BytesIO()
    export(url, stream, since=NOON + timedelta(minutes=1), until=NOON + timedelta(minutes=4))
    assert [line["position"] for line in lines(stream.getvalue())] == [line["position"] for line in logged(url)[1:4]]


async def test_options_that_make_no_sense_are_refused(url: str, tmp_path: Path) -> None:
    await append(url, NOON)
    for options, sentence in (
        ({"since": NOON, "until": NOON}, "until comes first"),
        ({"since": NOON.replace(tzinfo=None)}, "no zone"),
        ({"format": "csv"}, "no format 'csv'"),
    ):
        with pytest.raises(ValueError, match=sentence):
            export(url, tmp_path / "log", **options)
    with pytest.raises(ValueError, match="needs a folder"):
        export(url, io.BytesIO(), format="parquet")
    with pytest.raises(StoreUnusable):
        export(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "log")
    assert not beside(tmp_path)


# --------------------------------------------------------------------------------------------------------- going on


@pytest.mark.parametrize("format", FORMATS)
async def test_a_later_run_adds_what_is_new_and_nothing_else(
    url: str, tmp_path: Path, format: Format, short: None
) -> None:
    await append(url, *(NOON + timedelta(minutes=minute) for minute in range(3)))
    output = tmp_path / "kept"
    export(url, output, format=format, until=NOON + timedelta(minutes=2))
    first = all_bytes(output)
    await live(url)
    export(url, output, format=format, until=NOON + timedelta(minutes=2))
    assert all_bytes(output) == first, "nothing of that span is new"
    export(url, output, format=format)
    both = all_bytes(output)
    if format == "parquet":
        assert first.items() < both.items()
        positions = pyarrow.parquet.read_table(output)["position"].to_pylist()
        assert positions == [line["position"] for line in logged(url)]
    else:
        assert both["kept"].startswith(first["kept"])
        stream = io.BytesIO()
        export(url, stream, format=format)
        assert both["kept"] == stream.getvalue()
    assert export(url, output, format=format).events == 0
    assert all_bytes(output) == both


@pytest.mark.parametrize("format", ["jsonl", "ocsf"])
async def test_a_file_that_was_cut_off_anywhere_becomes_what_it_would_have_been(
    url: str, tmp_path: Path, format: Format
) -> None:
    await live(url)
    output = tmp_path / "kept"
    export(url, output, format=format)
    whole = output.read_bytes()
    places = [0, 1, len(whole) - 1, *range(7, len(whole), len(whole) // 40)]
    places += [at for end in (i for i, byte in enumerate(whole) if byte == 10) for at in (end, end + 1)][:60]
    for place in places:
        output.write_bytes(whole[:place])
        export(url, output, format=format)
        assert output.read_bytes() == whole, f"cut off at byte {place}"


async def test_parts_that_are_missing_are_made_anew_with_the_same_bytes(url: str, tmp_path: Path, short: None) -> None:
    await live(url)
    output = tmp_path / "parts"
    export(url, output, format="parquet")
    whole = all_bytes(output)
    assert len(whole) > 3
    for count in range(len(whole)):
        for name in list(whole)[count:]:
            (output / name).unlink()
        (output / ".part.tmp").write_bytes(b"PAR1 and no more")
        export(url, output, format="parquet")
        assert all_bytes(output) == whole
        assert not (output / ".part.tmp").exists()


async def test_an_export_with_other_options_is_not_gone_on_with(url: str, tmp_path: Path) -> None:
    await append(url, NOON, NOON)
    output = tmp_path / "kept"
    export(url, output)
    before = output.read_bytes()
    for options, name in (
        ({"format": "ocsf"}, "--format was jsonl"),
        ({"since": NOON}, "--since was not given"),
        ({"after": 1}, "--after was not given"),
    ):
        with pytest.raises(ExportRefused, match=f"kept was exported with other options .*{name}"):
            export(url, output, **options)
    with pytest.raises(ExportRefused, match="--personal was not given"):
        await asyncio.to_thread(disclose, url, output)
    assert output.read_bytes() == before
    assert len(logged(url)) == 2, "a refused disclosure discloses nothing"


async def test_an_instant_is_the_same_in_every_zone(url: str, tmp_path: Path) -> None:
    await append(url, NOON, NOON)
    assert export(url, tmp_path / "kept", since=NOON).events == 2
    assert export(url, tmp_path / "kept", since=NOON.astimezone(timezone(timedelta(hours=2)))).events == 0


async def test_what_an_export_cannot_go_on_with_is_refused_before_anything_is_made(url: str, tmp_path: Path) -> None:
    await append(url, NOON)
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(pipe)
    file.touch()
    with pytest.raises(ExportRefused, match="pipe is neither file nor folder"):
        export(url, pipe)
    with pytest.raises(ExportRefused, match="file is there and was not exported"):
        export(url, file, format="parquet")
    assert not {"pipe.export.json", "file.export.json"} & set(beside(tmp_path))


@pytest.mark.parametrize("format", FORMATS)
async def test_a_full_disk_is_told_with_the_file_and_the_next_run_goes_on(
    url: str, tmp_path: Path, format: Format
) -> None:
    await live(url)
    export(url, tmp_path / "whole", format=format)
    output = tmp_path / "kept"
    store = open_store(url)  # its own files are as large as they get
    with no_more_room(1000), pytest.raises(OSError, match="File too large") as refused:
        export(store, output, format=format)
    store.close()
    assert refused.value.filename == str(output)
    export(url, output, format=format)
    assert list(all_bytes(output).values()) == list(all_bytes(tmp_path / "whole").values())


@contextmanager
def no_more_room(size: int) -> Iterator[None]:
    """No file gets larger: the system refuses it just as it does when a disk is full."""
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("format", FORMATS)
async def test_what_is_no_export_or_one_of_another_log_is_left_as_it_is(
    url: str, tmp_path: Path, format: Format
) -> None:
    await append(url, NOON)
    own = tmp_path / "own"
    if format == "parquet":
        own.mkdir()
        (own / "letter.txt").write_text("Dear reader")
    else:
        own.write_text("Dear reader\n")
    with pytest.raises(ExportRefused, match="was not exported by limen"):
        export(url, own, format=format)
    await live(url)
    output, other = tmp_path / "kept", f"sqlite:///{tmp_path / 'other.db'}"
    export(url, output, format=format)
    before = all_bytes(output)
    await live(other)
    with pytest.raises(ExportRefused, match="exported from another"):
        export(other, output, format=format)
    assert all_bytes(output) == before


async def test_two_at_once_do_not_write_to_one_file(url: str, tmp_path: Path) -> None:
    await append(url, *[NOON] * 3)
    output = tmp_path / "kept"

    def meanwhile(position: int, head: int) -> None:
        with pytest.raises(ExportRefused, match="another export is writing"):
            export(url, output)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("limen.adapters.export.exporting.PAGE_EVENTS", 1)
        assert export(url, output, progress=meanwhile).events == 3
    assert len(lines(output.read_bytes())) == 3


# -------------------------------------------------------------------------------------------------------- personal data


class Watched(io.BytesIO):
    """A stream that looks at the log when it is first written to."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.recorded: list[dict[str, Any]] | None = None

    def write(self, data: Any) -> int:
        if self.recorded is None:
            self.recorded = logged(self.url, "PersonalDataExported")
        return super().write(data)


@pytest.mark.parametrize("format", ["jsonl", "ocsf"])
async def test_a_disclosure_is_recorded_before_the_first_byte(url: str, format: Format) -> None:
    await live(url)
    head, stream = logged(url)[-1]["position"], Watched(url)
    since, until = NOON - timedelta(days=1), datetime(9000, 1, 1, tzinfo=UTC)
    options = {"since": since, "until": until, "format": format, "reason": "request 4711"}
    await asyncio.to_thread(disclose, url, stream, **options)  # type: ignore[arg-type]  # as they are declared
    assert stream.recorded is not None
    (event,) = stream.recorded
    assert event["data"] == {
        "format": format,
        "since": "2026-03-01T12:00:00Z",
        "until": "9000-01-01T00:00:00Z",
        "after": 0,
        "through": head,
        "reason": "request 4711",
    }
    assert event["kind"] == "export"
    assert lines(stream.getvalue())[-1].get("position", 0) <= head
    assert sorted(found(stream.getvalue(), WORDS)) == sorted(WORDS)


async def test_each_run_that_opens_something_is_on_record(url: str, tmp_path: Path) -> None:
    await live(url)
    output = tmp_path / "kept"
    await asyncio.to_thread(disclose, url, output)
    whole = output.read_bytes()
    assert output.stat().st_mode & 0o077 == 0, "nobody else may read it"
    output.write_bytes(whole[: len(whole) // 2])
    await asyncio.to_thread(disclose, url, output)
    assert output.read_bytes().startswith(whole)
    first, second = logged(url, "PersonalDataExported")
    assert (first["stream"], first["version"]) == (second["stream"], second["version"] - 1)
    assert 0 < second["data"]["after"] < first["data"]["through"] < second["data"]["through"]
    await asyncio.to_thread(disclose, url, tmp_path / "elsewhere")
    assert logged(url, "PersonalDataExported")[-1]["stream"] != first["stream"]


@pytest.mark.parametrize("format", FORMATS)
async def test_a_timer_that_finds_nothing_new_opens_nothing(url: str, tmp_path: Path, format: Format) -> None:
    """Though the record of the run before is new, and for OCSF much else that it does not tell."""
    await live(url)
    for _ in range(3):
        await asyncio.to_thread(disclose, url, tmp_path / "kept", format=format)
        assert len(logged(url, "PersonalDataExported")) == 1
    await live_again(url)
    await asyncio.to_thread(disclose, url, tmp_path / "kept", format=format)
    assert len(logged(url, "PersonalDataExported")) == 2


async def test_a_file_that_was_there_empty_is_closed_to_others(url: str, tmp_path: Path) -> None:
    await live(url)
    output = tmp_path / "kept"
    output.touch()
    output.chmod(0o644)
    await asyncio.to_thread(disclose, url, output)
    assert ADA.encode() in output.read_bytes()
    assert output.stat().st_mode & 0o077 == 0


async def test_what_opens_nothing_is_not_on_record(url: str, tmp_path: Path) -> None:
    await live(url)
    size = len(logged(url))
    export(url, tmp_path / "masked")
    await asyncio.to_thread(disclose, url, tmp_path / "none", until=NOON - timedelta(days=99))
    await asyncio.to_thread(disclose, url, tmp_path / "later", since=datetime(9000, 1, 1, tzinfo=UTC))
    with pytest.raises(StoreUnusable, match="none of the configured secrets"):
        await asyncio.to_thread(disclose, url, tmp_path / "wrong", secret="a secret of another store")
    with pytest.raises(ValueError, match="200 characters"):
        await asyncio.to_thread(disclose, url, tmp_path / "long", reason="x" * 201)
    assert len(logged(url)) == size


@pytest.mark.parametrize("format", FORMATS)
async def test_nothing_of_an_erased_person_is_in_an_export_made_afterwards(
    url: str, tmp_path: Path, format: Format
) -> None:
    identity = await live(url)
    await asyncio.to_thread(disclose, url, tmp_path / "before", format=format)
    assert sorted(found(told(tmp_path / "before"), WORDS)) == sorted(WORDS)
    await erase(url, identity)
    await asyncio.to_thread(disclose, url, tmp_path / "after", format=format)
    export(url, tmp_path / "masked", format=format)
    for name in ("after", "masked"):
        assert found(told(tmp_path / name), WORDS) == []
        assert str(identity) in told(tmp_path / name).decode("utf-8", "replace"), "that somebody was there stays"


async def test_who_is_erased_while_an_export_runs_is_masked_from_then_on(tmp_path: Path) -> None:
    """The keys are asked for anew with each page."""
    url = f"sqlite:///{tmp_path / 'limen.db'}"
    identity = await live(url)
    store = open_store(url)
    keys = Keys(store, [SECRET], SystemSecrets())
    with pytest.MonkeyPatch.context() as patch, open_log(store, keys=keys) as reader:
        patch.setattr("limen.adapters.log.PAGE_EVENTS", 1)
        patch.setattr(persons, "PAGE_EVENTS", 1)
        told = Authentications(reader, personal=True)
        before: list[dict[str, Any]] = []
        after: list[dict[str, Any]] = []
        for entry in reader.events():
            body = told.of(entry)
            (after if before else before).extend([body] if body is not None else [])
            if before and not after:
                await erase(url, identity)
    store.close()
    assert found(json.dumps(before).encode(), WORDS) != []
    assert len(after) > 3
    assert found(json.dumps(after).encode(), WORDS) == []
