"""Scores on held-out episodes and in live environments, and the report."""
