"""Money and policy: from a probability to ``poor_fit`` and the band shown to people."""
