"""What the ControlNet accordion offers beside preprocessors."""
