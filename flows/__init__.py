"""Wiring: what runs when. Nothing is computed here."""

import os

# Freed memory is kept for ten seconds before it goes back to the system: a batch then reuses the pages of the one
# before it, which spares a fifth of the work of reading. The allocator of polars looks at this when it is loaded.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000")

# Each part of a table is read two row groups ahead, not as many as there are: a year of parts at once took a gigabyte.
os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "2")
