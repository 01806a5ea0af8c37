"""Composes camera streams of which everything is known: who passes, when and where."""
