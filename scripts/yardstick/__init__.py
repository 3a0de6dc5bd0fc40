"""Yardstick measures open language models on your own hardware."""
