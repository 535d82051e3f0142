"""Fixtures of the emulator."""

from tests.emulated import cold, emulator, url

__all__ = ["cold", "emulator", "url"]
