"""The engine: check -> plan -> run -> loop."""
