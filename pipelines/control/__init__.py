"""ControlNet units from what a user asked for to maps that a network is shown; no torch."""
