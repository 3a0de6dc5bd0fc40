"""Measure output tokens per second of one model over independent runs."""

import sys

from yardstick.launch import main

if __name__ == "__main__":
    sys.exit(main("throughput", __doc__ or ""))
