"""The figures: that they are there, in order, and what is promised of them."""

from __future__ import annotations

from plugin_bridge.plugins.bench import measure
from tests.plugin_bridge.plugins.plugin_parts import needs_plugins


@needs_plugins
def test_plugins_are_measured() -> None:
    figures = measure(1, blocks=60)
    assert {unit for unit, _ in figures.values()} == {"s", "ms"}
    assert all(min(values) >= 0.0 for _, values in figures.values())
    inside = figures["a plugin's block of 512 frames, in process"][1]
    through = figures["the same, through the plugin host"][1]
    assert (len(inside), len(through)) == (400, 60)
    assert min(through) > min(inside)
    back = figures["wet again after the host hung (it is killed after 2 s)"][1]
    assert min(back) >= 2.0
