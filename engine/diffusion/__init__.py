"""Sampling: schedules, samplers, guidance, masks, and putting the result together."""
