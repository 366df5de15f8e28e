"""Train the model that Loopgraft ships, on audio that it synthesises itself."""
