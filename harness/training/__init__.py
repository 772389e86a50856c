"""What a method may use: the budget, the training loop and decoding."""
