"""The commands of `loopgraft`, one module each; plugin_bridge.cli finds and runs them."""
