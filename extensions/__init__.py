"""Things that can be added without touching the core."""
