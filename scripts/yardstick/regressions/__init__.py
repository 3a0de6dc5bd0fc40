"""Regressions: is the newest result worse than the earlier ones, and is one revision slower than another?"""
