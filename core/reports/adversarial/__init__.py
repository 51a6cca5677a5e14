"""The size of the change that breaks each network, and the area under its curve."""
