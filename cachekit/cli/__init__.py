"""The commands: one file each, thin; what they do is in the features and in core."""

import gc

# What a command imports lives as long as it does. Looking through it for garbage takes a tenth of a small audit.
gc.set_threshold(50_000, 20, 20)
