"""Episodes become samples in a resumable order, and samples become token rows."""
