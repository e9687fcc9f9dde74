"""The processes that one has started and that are still there."""

from pathlib import Path


def children(process: int | str = "self") -> set[int]:
    """Their ids, as the kernel lists them thread by thread (Linux).

    A thread that ends meanwhile leaves its children to another one, perhaps to one already read: then once more.
    """
    while True:
        found: set[int] = set()
        try:
            for thread in Path(f"/proc/{process}/task").iterdir():
                found |= set(map(int, (thread / "children").read_text().split()))
        except OSError:
            if not Path(f"/proc/{process}").exists():
                return set()
            continue
        return found
