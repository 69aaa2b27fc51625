"""What preprocessors with networks share: loading them, and running them at the right size."""
