"""Pure picture functions: Pillow and numpy in, Pillow out; no torch."""
