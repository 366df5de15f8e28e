"""The window beside the DAW."""
