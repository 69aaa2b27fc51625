"""One job over many files: A1111's Batch tab without its page; no torch."""
