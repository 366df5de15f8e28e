"""Loopgraft's engine: makes audio; usable without Qt, without a sound card."""
