"""The training loop and its parts, on Accelerate."""
