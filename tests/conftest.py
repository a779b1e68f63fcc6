"""Settings of the whole suite."""

from hypothesis import settings

# Timing belongs in benchmarks: the machines that run this suite are shared and noisy.
settings.register_profile("screensmith", deadline=None)
settings.load_profile("screensmith")
