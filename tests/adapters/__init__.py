"""What every adapter must pass, and a small adapter of its own to prove the plumbing with."""
