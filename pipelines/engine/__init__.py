"""One worker thread, its queue, progress and interruption; no torch."""
