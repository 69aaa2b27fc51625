"""ControlNet's networks: found out by their keys, loaded, and laid on the UNet while it samples."""
