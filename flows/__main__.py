"""`python -m flows` is `fengding`."""

from flows.cli import main

if __name__ == "__main__":  # a process that only writes workbooks imports this too
    main()
