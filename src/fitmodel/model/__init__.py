"""The model as its users hold it, and the bundle it is shipped as."""
