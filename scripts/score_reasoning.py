"""Score one model's answers to the reasoning suite by keywords."""

import sys

from yardstick.launch import main

if __name__ == "__main__":
    sys.exit(main("reasoning", __doc__ or ""))
