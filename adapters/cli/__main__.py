"""`python -m limen.adapters.cli` is `limen`."""

from limen.adapters.cli import main

main()
