"""Networks that a prompt names, such as LoRAs: what is asked for, and what there is of it."""
