"""The diagram of one flow."""

from typing import Literal

from limen.adapters.drawing.svg import svg
from limen.adapters.log import FlowRecord
from limen.domain.machine import FLOWS
from limen.projections.mermaid import mermaid
from limen.projections.path import path_of

Language = Literal["svg", "mermaid"]


def diagram(record: FlowRecord, language: Language = "svg") -> str:
    """The state diagram of a flow's kind with the path this flow took: arrows numbered, visits of states counted.

    Of a record that was read `at` an earlier version or time, the path up to then.
    """
    path = path_of(FLOWS[record.flow.kind], (entry.type for entry in record.events))
    return svg(path.table, path) if language == "svg" else mermaid(path)
