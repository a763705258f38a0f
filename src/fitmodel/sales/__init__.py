"""The sales team's mirror."""
