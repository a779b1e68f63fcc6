"""screensmith: turn a vision-language model into a GUI agent (capture, data, train, evaluate, act)."""

__version__ = "0.1.0"
