"""The generated part of `docs/reference/`: drawn from the code, committed, and compared with it by `make check`."""

from limen.adapters.reference.pages import Drift, build, compare, pages

__all__ = ["Drift", "build", "compare", "pages"]
