"""Numbers from arrays alone; nothing here runs a model."""
