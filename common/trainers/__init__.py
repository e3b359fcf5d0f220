"""The Lightning side: module, parameter groups, schedules, callbacks, checkpoints."""
