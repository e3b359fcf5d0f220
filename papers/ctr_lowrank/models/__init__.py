"""The models that are compressed: tables, interactions, a multilayer perceptron."""
