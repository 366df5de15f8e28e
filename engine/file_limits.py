"""What the file reader takes, and how it and its parent talk. Constants only: its child must
start fast and its parent must not load libsndfile.
"""

from __future__ import annotations

MAX_SECONDS = 30 * 60
MAX_FILE_BYTES = 2 << 30
DECODED_LIMIT_BYTES = 1 << 30
CHANNELS_RANGE = (1, 8)
SAMPLE_RATE_RANGE = (8_000, 192_000)
PEAK_LIMIT = 1_000.0  # +60 dB over full scale: float files scaled like integers, and garbage

WALL_LIMIT_SECONDS = 60
CPU_LIMIT_SECONDS = 60
MEMORY_LIMIT_BYTES = 512 * 1024 * 1024

#: The child's result: one JSON line padded to this size, then the interleaved samples.
HEAD_BYTES = 4096
EXIT_RESULT_NOT_WRITTEN = 74
