"""A demonstration becomes MDS episodes."""
