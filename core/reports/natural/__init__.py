"""How many answers of a task's networks stand natural changes of stated amounts."""
