"""Where things are in a working copy, relative to its root."""

from pathlib import Path

CONFIG = Path("config/config.yaml")
REGISTRY = Path("config/models.yaml")
ARCHITECTURES = Path("config/architectures.json")
CALIBRATION = Path("workflow/resources/calibration")
SUITES = Path("config/suites")
EMBEDDED = Path("workflow/resources/embedded")
RESULTS = Path("results")
LEADERBOARD = Path("leaderboard")
LEADERBOARD_FILES = ("leaderboard.json", "leaderboard.csv", "LEADERBOARD.md", "index.html")
LOGS = Path("logs")
RUNS = Path("resources/runs")
SLURM_RUNS = Path("resources/slurm")
HARDWARE = Path("resources/hardware")
FETCHED = Path("resources/fetched")
JOURNAL = Path("resources/journal")
RUN_LOCK = Path("resources/run.lock")
