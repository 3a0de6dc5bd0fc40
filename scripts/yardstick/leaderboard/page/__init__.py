"""The leaderboard as one self-contained page: what it shows, and the file made of it."""
