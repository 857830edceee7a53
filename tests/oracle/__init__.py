"""Slow, obvious implementations of what the engine does fast, each module for the engine's module of its name."""
