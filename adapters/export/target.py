"""Target: where an export goes, entry by entry."""

from abc import abstractmethod
from types import TracebackType
from typing import BinaryIO, Self

import orjson

from limen.adapters.export.mark import Mark
from limen.adapters.export.ocsf import Authentications
from limen.adapters.log import LogEntry


class Target:
    """A context manager. `mark` is the event it has reached already; None where it has none."""

    mark: Mark | None = None

    @abstractmethod
    def write(self, entry: LogEntry) -> bool:
        """Takes an event; False where it has no place there."""

    def flush(self) -> None:
        """Called after each page: what was taken need not wait any longer."""

    def close(self, *, failed: bool) -> None:
        """Ends it. `failed`: the export broke off."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(failed=kind is not None)


class Lines(Target):
    """JSON, one event a line, as `limen log --json` shows it; or as OCSF has it, where there is what tells it."""

    def __init__(self, stream: BinaryIO, ocsf: Authentications | None = None) -> None:
        self._stream = stream
        self._ocsf = ocsf

    def write(self, entry: LogEntry) -> bool:
        """Writes a line, or nothing."""
        body = entry.body() if self._ocsf is None else self._ocsf.of(entry)
        if body is None:
            return False
        self._stream.write(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE))
        return True

    def flush(self) -> None:
        """Hands over to the system what is waiting."""
        self._stream.flush()
