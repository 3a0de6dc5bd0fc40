"""The leaderboard: shards reduced to rows, rows rendered as files and as a terminal table."""
