"""A policy in an environment yields episodes."""
