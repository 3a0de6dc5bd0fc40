"""Ask one model the questions of a suite, the one that the output's path names."""

import sys

from yardstick.launch import main

if __name__ == "__main__":
    sys.exit(main("answers", __doc__ or ""))
