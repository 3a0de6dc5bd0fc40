"""Models from the Hugging Face hub: what is needed, what is cached, fetching and describing.

This module and those it imports use the standard library only, so that the Snakefile may import it; `hub.download` and
`hub.describe` import huggingface_hub.
"""

from yardstick.hub.cache import cached_snapshot
from yardstick.hub.selection import needed_files

__all__ = ["cached_snapshot", "needed_files"]
