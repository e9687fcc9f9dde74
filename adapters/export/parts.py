"""Parts: a folder of Parquet files, each whole or not there, named by the positions of its first and last event."""

import os
import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import UUID

import orjson

from limen.adapters.bus.about import Abouts
from limen.adapters.export.mark import Mark
from limen.adapters.export.target import Target
from limen.adapters.export.terms import sync_folder
from limen.adapters.log import EventReader, LogEntry
from limen.domain.errors import ExportRefused

PART_EVENTS = 100_000
"""Events in a part, but for the last one of a run."""

GROUP_EVENTS = 10_000
"""Events held in memory, and written as one row group."""

_NAME = re.compile(r"events-(\d{12,})-(\d{12,})\.parquet")
_DRAFT: Final = ".part.tmp"

COLUMNS: Final = (
    ("position", "its place in the log"),
    ("stream", "the stream it is of"),
    ("kind", "the kind of stream"),
    ("version", "its place in the stream"),
    ("type", "what happened"),
    ("time", "when, UTC, to the microsecond"),
    ("flow", "the kind of flow it belongs to (`login` …), if any"),
    ("flow_id", "which flow"),
    ("method", "the method that is under way in it"),
    ("identity", "whose it is, as far as the record says"),
    ("data", "its fields, as JSON"),
)
"""Each column and what it holds."""


def check_library() -> None:
    """Raises `ExportRefused` where the library is not installed, before anything is written."""
    if find_spec("pyarrow") is None:
        raise ExportRefused("Parquet needs a library of its own: pip install 'limen[parquet]'")


class Parts(Target):
    """The folder, made if it is not there. Needs the extra `parquet`. Drops what an earlier run left unfinished.

    `private`: nobody but its owner may read it.
    """

    def __init__(self, folder: Path, reader: EventReader, *, private: bool) -> None:
        folder.mkdir(mode=0o700 if private else 0o777, exist_ok=True)
        self._folder = folder
        self._mode = 0o600 if private else 0o666
        self._abouts = Abouts(lambda stream: ((one.version, one.type, one.data) for one in reader.stream(UUID(stream))))
        self._rows: list[tuple[Any, ...]] = []
        self._part: _Part | None = None
        (folder / _DRAFT).unlink(missing_ok=True)
        self.mark = _mark(folder)

    def write(self, entry: LogEntry) -> bool:
        """Takes a row."""
        stream = str(entry.stream)
        about = self._abouts.of(stream, entry.kind, entry.version, entry.type, entry.data)
        flat = (about.kind, about.flow, about.method, about.identity)
        text = orjson.dumps(entry.data).decode()
        self._rows.append((entry.position, stream, entry.kind, entry.version, entry.type, entry.time, *flat, text))
        room = PART_EVENTS if self._part is None else self._part.left
        if len(self._rows) >= min(GROUP_EVENTS, room):
            self._write_group()
        return True

    def close(self, *, failed: bool) -> None:
        """Finishes the part that is under way; where the export broke off, the next run makes it anew."""
        finished = False
        try:
            if not failed:
                self._write_group()
                if self._part is not None:
                    self._part.finish()
                finished = True
        finally:
            if self._part is not None and not finished:
                self._part.drop()

    def _write_group(self) -> None:
        if not self._rows:
            return
        if self._part is None:
            self._part = _Part(self._folder, self._mode)
        self._part.write(self._rows)
        self._rows = []
        if self._part.left <= 0:
            self._part.finish()
            self._part = None


class _Part:
    """One file while it is written."""

    def __init__(self, folder: Path, mode: int) -> None:
        import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it comes without types

        self._folder = folder
        self._draft = folder / _DRAFT
        self._file: BinaryIO = os.fdopen(os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")
        self._schema = schema()
        self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd")
        self._first = self._last = 0
        self.left = PART_EVENTS

    def write(self, rows: list[tuple[Any, ...]]) -> None:
        import pyarrow as pa  # as above

        columns = [
            pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._first, self._last = self._first or rows[0][0], rows[-1][0]
        self.left -= len(rows)

    def finish(self) -> None:
        """Gives it its name when all of it is durable."""
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.rename(self._folder / f"events-{self._first:012}-{self._last:012}.parquet")
        sync_folder(self._folder)

    def drop(self) -> None:
        for one in (self._writer, self._file):
            with suppress(OSError):  # what could not be written is not wanted either
                one.close()
        self._draft.unlink(missing_ok=True)


def schema() -> Any:
    """The columns with their types, as pyarrow has them."""
    import pyarrow as pa  # as above

    types = {"position": pa.int64(), "version": pa.int64(), "time": pa.timestamp("us", tz="UTC")}
    optional = ("flow", "flow_id", "method", "identity")
    return pa.schema([pa.field(name, types.get(name, pa.string()), nullable=name in optional) for name, _ in COLUMNS])


def begun(folder: Path) -> bool:
    """Whether there is something in the folder already."""
    return folder.is_file() or (folder.is_dir() and any(path.name != _DRAFT for path in folder.iterdir()))


def _mark(folder: Path) -> Mark | None:
    """The last event of the last part."""
    last = max(
        ((int(found[2]), path) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name))), default=None
    )
    if last is None:
        return None
    import pyarrow.parquet as pq  # as above

    try:
        with pq.ParquetFile(last[1]) as file:
            group = file.read_row_group(file.num_row_groups - 1, columns=["position", "stream", "version"])
            row = group.slice(group.num_rows - 1).to_pylist()[0]
        return Mark(row["position"], row["stream"], row["version"])
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ExportRefused(
            f"{last[1]} cannot be read ({type(error).__name__}): delete it, and it is made anew"
        ) from None
