"""ShowUI-web: screenshots of web pages with named elements.

Lies in `images/` and `metadata/hf_train.json`; see _showui_release.py. Source: formats.md 1.3.1.
"""

from screensmith.readers import whole
from screensmith.readers._showui_release import release

stream, fingerprint = release("showui_web")
read = whole(stream)
