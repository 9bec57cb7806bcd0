"""The synthetic county: files as departments deliver them, with an answer key of the generator's own truth.

Nothing here is a real person. Certificate numbers carry the area codes ``xxxx99`` and ``xxxx98``, which
belong to no county, and are otherwise valid in form.
"""

from synth.county import write_county

__all__ = ["write_county"]
