"""The bridge: gets audio to and from DAWs, devices and plugins."""
