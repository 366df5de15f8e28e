"""Instruments, patterns and effects of the training corpus (numpy only)."""
