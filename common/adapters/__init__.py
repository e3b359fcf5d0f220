"""Trained changes of frozen weights: on any model by one call, or as tuners of `peft`."""
