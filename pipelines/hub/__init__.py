"""What comes from the Hugging Face hub: finding it, fetching it, and where it goes."""
