"""The door for scripts of DAWs: one JSON line each way over a socket of this user's alone."""
