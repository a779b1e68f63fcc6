"""PLUG-IN: a data set on disk or in a bucket becomes a sequence of episodes."""
