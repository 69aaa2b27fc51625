"""The prompt language: from what is typed to what the text encoder reads at each step; no torch."""
