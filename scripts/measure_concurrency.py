"""Time several requests at the same moment and write a shard of concurrency results."""

import sys

from yardstick.launch import main

if __name__ == "__main__":
    sys.exit(main("concurrency", __doc__ or ""))
