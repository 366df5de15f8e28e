"""The pieces of `python -m engine.training.evaluate`: each bar's own measurement."""
