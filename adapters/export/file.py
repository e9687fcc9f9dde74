"""File: lines of JSON in a file that a later run goes on with, whatever instant the one before was killed at."""

import os
from pathlib import Path
from typing import BinaryIO

import orjson

from limen.adapters.export.mark import Mark
from limen.adapters.export.ocsf import Authentications
from limen.adapters.export.target import Lines
from limen.domain.errors import ExportRefused

_BLOCK = 1 << 16


class LinesFile(Lines):
    """The file, without the line that was torn when its writer was killed.

    `private`: nobody but its owner may read it. Raises `ExportRefused` for what is no export.
    """

    def __init__(self, path: Path, ocsf: Authentications | None = None, *, private: bool) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600 if private else 0o666)
        self._file = os.fdopen(descriptor, "r+b")
        if private:
            path.chmod(0o600)  # it may have been there, empty, for all to read
        super().__init__(self._file, ocsf)
        try:
            end = _whole(self._file)
            self.mark = _mark(self._file, end, path)
            self._file.truncate(end)
            self._file.seek(end)
        except BaseException:
            self._file.close()
            raise

    def close(self, *, failed: bool) -> None:  # noqa: ARG002 - whole lines count, however it ended
        """Makes what was written durable."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()


def _whole(file: BinaryIO) -> int:
    """Where the last whole line ends."""
    return _after_newline(file, file.seek(0, os.SEEK_END))


def _after_newline(file: BinaryIO, before: int) -> int:
    """The place after the last newline before a place; 0 where there is none."""
    while before > 0:
        start = max(0, before - _BLOCK)
        file.seek(start)
        found = file.read(before - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        before = start
    return 0


def _mark(file: BinaryIO, end: int, path: Path) -> Mark | None:
    """What the last whole line is about."""
    if end == 0:
        return None
    start = _after_newline(file, end - 1)
    file.seek(start)
    try:
        return Mark.of_line(orjson.loads(file.read(end - start)))
    except (ValueError, KeyError, TypeError):
        raise ExportRefused(
            f"{path}: the last line, at byte {start}, is none of an export: name another file"
        ) from None
