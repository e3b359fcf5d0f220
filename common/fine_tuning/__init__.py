"""Fine-tuning of trained encoders on labelled sentences, the same for every method."""
