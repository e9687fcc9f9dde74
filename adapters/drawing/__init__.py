"""Drawing: the machine of a flow with the path it took, as SVG or mermaid.

    from limen.adapters import open_log
    from limen.adapters.drawing import diagram

    with open_log("sqlite:///limen.db") as log:
        Path("flow.svg").write_text(diagram(log.flow(flow_id)))

Both are drawn from the machine's table; nothing but the standard library is needed.
"""

from limen.adapters.drawing.diagram import diagram
from limen.adapters.drawing.svg import svg

__all__ = ["diagram", "svg"]
