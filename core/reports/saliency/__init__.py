"""How far saliency maps agree, and how they do on each measure."""
