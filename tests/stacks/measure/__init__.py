"""What a release of a library does with markers and cache options: `make measure LIBRARY=litellm VERSION=1.110.2`."""
