"""Methods that misbehave, one file each, and guests that only look as if they did; tests/test_hostile.py runs them."""
