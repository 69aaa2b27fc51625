"""Draws captioned storybook landscapes and trains the built-in demo model on them."""
