"""The bundle, the folder a model is shipped as: write, read, verify."""
