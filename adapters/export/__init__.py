"""Export: the log as files for others: JSON lines, Parquet, or OCSF events for security teams.

An export reads page by page and can be killed at any instant: what it wrote tells where to go on.
"""

from limen.adapters.export.disclosure import Disclosure
from limen.adapters.export.exporting import FORMATS, Exported, Format, export

__all__ = ["FORMATS", "Disclosure", "Exported", "Format", "export"]
