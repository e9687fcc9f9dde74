"""Mark: the event that an export has reached, by which the next run finds its place in the log."""

from dataclasses import dataclass
from typing import Any

from limen.adapters.log import EventReader
from limen.domain.errors import ExportRefused


@dataclass(frozen=True, slots=True)
class Mark:
    """An event: its position, and which one it is there."""

    position: int
    stream: str
    version: int

    @classmethod
    def of_line(cls, line: dict[str, Any]) -> "Mark":
        """From a line of an export, in either form. Raises KeyError, ValueError or TypeError for anything else."""
        if "metadata" in line:
            stream, _, version = line["metadata"]["uid"].rpartition(":")
            return cls(int(line["metadata"]["sequence"]), stream, int(version))
        return cls(int(line["position"]), str(line["stream"]), int(line["version"]))

    def check(self, reader: EventReader, output: object) -> None:
        """Raises `ExportRefused` where the log has another event at that position: it is another log."""
        found = reader.at(self.position)
        if found is None or (str(found.stream), found.version) != (self.stream, self.version):
            raise ExportRefused(
                f"{output} ends with {self.stream}:{self.version} at position {self.position}, which is not there in "
                "this store: it was exported from another one; name another file"
            )
