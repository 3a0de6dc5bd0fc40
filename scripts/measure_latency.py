"""Time single requests of one model, token by token."""

import sys

from yardstick.launch import main

if __name__ == "__main__":
    sys.exit(main("latency", __doc__ or ""))
