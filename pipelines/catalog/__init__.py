"""What lies in the models folder: file names, headers and hashes; no torch."""
