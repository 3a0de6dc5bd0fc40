"""Build the leaderboard from results/ and print it."""

import sys

from yardstick.launch import main

if __name__ == "__main__":
    sys.exit(main("leaderboard", __doc__ or ""))
