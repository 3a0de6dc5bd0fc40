"""Suites of tasks with their answers' scorers."""
