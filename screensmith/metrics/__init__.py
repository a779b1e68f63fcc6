"""PLUG-IN: (prediction, sample) becomes a score, or None where the metric does not apply."""
