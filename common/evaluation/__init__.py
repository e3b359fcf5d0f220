"""How well predictions do on a test set, and how sure that is."""
