"""Entry point of ``python -m fitmodel.cli``, which is the same as the command ``fitmodel``."""

from __future__ import annotations

from fitmodel.cli.main import app

if __name__ == "__main__":
    app()
