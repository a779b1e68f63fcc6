"""PLUG-IN: (prediction, sample) becomes a score, or None where the metric does not apply.

A metric file has one function, `score(prediction, sample, *, ...) -> float | None`; its keyword
arguments are its options. The sample's first question holds the expected actions and the target. An
answer without actions scores 0 wherever the metric applies. Laws (tests/contracts/test_metrics.py):
pure; finite, from 0 to 1; the expected actions score best; None depends on the sample alone.
"""
