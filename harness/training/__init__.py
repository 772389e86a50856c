"""What a method may use: the budget, the training loop, and answers that are generated or chosen by likelihood."""
