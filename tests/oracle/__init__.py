"""Slow, obvious implementations of what the engine does fast: each module answers to the engine's module of its name."""
