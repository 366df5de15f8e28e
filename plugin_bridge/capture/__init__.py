"""Recording: what an input or the DAW plays, kept for a while, cut on the bars of its transport."""
