"""Every scripted MiniWoB++ task and its solver."""

from __future__ import annotations

from collections.abc import Mapping

from screensmith.environments import (
    _miniwob_apps,
    _miniwob_clicks,
    _miniwob_forms,
    _miniwob_shapes,
    _miniwob_widgets,
)
from screensmith.environments._miniwob_scene import Solver

SOLVERS: Mapping[str, Solver] = {
    **_miniwob_clicks.SOLVERS,
    **_miniwob_forms.SOLVERS,
    **_miniwob_shapes.SOLVERS,
    **_miniwob_apps.SOLVERS,
    **_miniwob_widgets.SOLVERS,
}
