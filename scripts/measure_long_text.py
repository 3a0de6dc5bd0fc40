"""Time prompts of growing length and long answers, and write a shard of long-text results."""

import sys

from yardstick.launch import main

if __name__ == "__main__":
    sys.exit(main("long_text", __doc__ or ""))
