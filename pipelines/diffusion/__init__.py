"""The only torch and diffusers code: a plan in, pictures out."""
