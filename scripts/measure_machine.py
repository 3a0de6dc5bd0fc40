"""Measure what bounds inference on this machine: memory, matrices, the cost of small operations, disk."""

import sys

from yardstick.hardware.profile_job import main

if __name__ == "__main__":
    sys.exit(main(__doc__ or ""))
