"""What the demo model can do, in figures: the judge, the held-out prompts and every row."""
