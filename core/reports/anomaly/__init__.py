"""How well each detector tells unfamiliar and attacked pictures from normal ones."""
