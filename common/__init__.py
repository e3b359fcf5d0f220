"""What the papers share: kernels, modules, data, training, the life of a run, the ledger."""
