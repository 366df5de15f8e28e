"""What the window shows, as values and observable state; no widgets."""
