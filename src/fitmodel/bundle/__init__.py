"""The folder a model is shipped as: manifest, write, read, verify."""
