"""Panels shared under every tab."""
