"""Ask one model the questions of the reasoning suite."""

import sys

from yardstick.launch import main

if __name__ == "__main__":
    sys.exit(main("reasoning_answers", __doc__ or ""))
