"""Graft: the small text-to-loop model that ships with Loopgraft."""
