"""Models behind one protocol: our own (graft) and the public families."""
