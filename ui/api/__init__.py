"""The HTTP routes that the page and other programs call."""
