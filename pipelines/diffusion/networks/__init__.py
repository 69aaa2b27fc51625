"""LoRAs and their kin on the weights of a loaded model, and off them again."""
