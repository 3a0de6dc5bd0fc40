"""Measure how much memory one model takes to load and to decode."""

import sys

from yardstick.launch import main

if __name__ == "__main__":
    sys.exit(main("memory", __doc__ or ""))
