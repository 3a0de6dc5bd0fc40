"""Metrics, one module each: given an engine, a metric yields its observations."""
