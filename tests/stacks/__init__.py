"""Real libraries against their models: `make test-stacks`. Not part of `make test`, which has none of them."""
