"""`python -m flows` is `fengding`."""

from flows.cli import main

main()
