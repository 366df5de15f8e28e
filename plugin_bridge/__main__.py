"""`python -m plugin_bridge`: the command line."""

from __future__ import annotations

import sys

from plugin_bridge.cli import main

if __name__ == "__main__":
    sys.exit(main())
