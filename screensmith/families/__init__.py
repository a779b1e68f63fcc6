"""PLUG-IN: what differs between model families."""
