"""The export itself: a window of the log, read page by page and handed to a target."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, Literal, get_args

from filelock import FileLock, Timeout

from limen.adapters.export.disclosure import Disclosure
from limen.adapters.export.file import LinesFile
from limen.adapters.export.ocsf import Authentications
from limen.adapters.export.parts import Parts, begun, check_library
from limen.adapters.export.target import Lines, Target
from limen.adapters.export.terms import Terms, agree
from limen.adapters.export.window import Window
from limen.adapters.log import PAGE_EVENTS, EventReader, open_log
from limen.adapters.store import LogStore
from limen.adapters.system import SystemIds
from limen.domain.errors import ExportRefused
from limen.domain.export import Export

Format = Literal["jsonl", "parquet", "ocsf"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

Progress = Callable[[int, int], None]
"""Called with the position reached and the one to reach."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What a run did: how many events (or, of OCSF's, lines) it wrote, and the position it has come to."""

    events: int
    position: int


def export(
    store: str | LogStore,
    output: Path | BinaryIO,
    *,
    format: Format = "jsonl",
    since: datetime | None = None,
    until: datetime | None = None,
    after: int = 0,
    disclosure: Disclosure | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Writes a `Window` of a store's log to a file, a folder (`parquet`) or a stream. Blocks; not for an event loop.

    A file or folder that an earlier run began is gone on with, at whatever instant that run was killed: the bytes are
    those of a run that was never stopped. Sealed fields are masked as `limen log` masks them; `disclosure` opens them,
    and is recorded in the log before the first byte is written. The log is read through its store then.

    Raises `ExportRefused` when `output` was made with other options or from another log, `StoreUnusable` when the store
    fails, `ValueError` for options that make no sense.
    """
    window = Window(after, since, until)
    if format not in FORMATS:
        raise ValueError(f"there is no format '{format}'; there are {', '.join(FORMATS)}")
    wanted = Terms(format, since, after, None if disclosure is None else SystemIds().new())
    with (
        _reading(store, disclosure) as reader,
        _opened(output, wanted, reader) as (target, terms),
    ):
        if target.mark is not None:
            target.mark.check(reader, output)
        start = window.start(reader) if target.mark is None else target.mark.position
        if start is None:
            return Exported(0, after)
        through = reader.head()
        if disclosure is not None and not _disclosed(disclosure, terms, window, start, through):
            return Exported(0, start)
        return _written(reader, target, window, start, through, progress)


def _reading(store: str | LogStore, disclosure: Disclosure | None) -> EventReader:
    return open_log(store) if disclosure is None else open_log(disclosure.store, keys=disclosure.keys)


@contextmanager
def _opened(output: Path | BinaryIO, wanted: Terms, reader: EventReader) -> Iterator[tuple[Target, Terms]]:
    """The target, and the terms that it was begun with. Nobody else writes to it meanwhile."""
    private = wanted.id is not None
    ocsf = Authentications(reader, personal=private) if wanted.format == "ocsf" else None
    if not isinstance(output, Path):
        if wanted.format == "parquet":
            raise ValueError("parquet needs a folder to write to")
        yield Lines(output, ocsf), wanted
        return
    if output.exists() and not (output.is_file() or output.is_dir()):
        raise ExportRefused(f"{output} is neither file nor folder: write to the standard output, and send that there")
    if wanted.format == "parquet":
        check_library()
    with _named(output), ExitStack() as stack:
        try:
            stack.enter_context(FileLock(output.with_name(f"{output.name}.export.lock"), blocking=False, mode=0o600))
        except Timeout:
            raise ExportRefused(f"another export is writing to {output}: wait for it, or name another file") from None
        if wanted.format == "parquet":
            terms = agree(output, wanted, begun=begun(output))
            yield stack.enter_context(Parts(output, reader, private=private)), terms
        else:
            terms = agree(output, wanted, begun=output.exists() and (output.is_dir() or output.stat().st_size > 0))
            yield stack.enter_context(LinesFile(output, ocsf, private=private)), terms


@contextmanager
def _named(output: Path) -> Iterator[None]:
    """What goes wrong while a file is written, such as a full disk, says which file it is."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(output)) from error


def _disclosed(disclosure: Disclosure, terms: Terms, window: Window, start: int, through: int) -> bool:
    """Records the disclosure; False where nothing is there to disclose, which is asked without keys.

    Records of disclosures are no reason for another: a run would always find that of the run before.
    """
    with open_log(disclosure.store) as masked:
        ocsf = Authentications(masked, personal=False) if terms.format == "ocsf" else None
        news = (entry for entry in window.entries(masked, start, through) if entry.kind != Export.stream)
        if not any(ocsf is None or ocsf.of(entry) for entry in news):
            return False
    assert terms.id is not None  # an export without a disclosure has other terms, and was refused
    disclosure.record(terms.id, terms.format, window, start, through)
    return True


def _written(
    reader: EventReader, target: Target, window: Window, start: int, through: int, progress: Progress | None
) -> Exported:
    events, position = 0, start
    for count, entry in enumerate(window.entries(reader, start, through), 1):
        events += target.write(entry)
        position = entry.position
        if count % PAGE_EVENTS == 0:
            target.flush()
            if progress is not None:
                progress(position, through)
    target.flush()
    return Exported(events, position)
