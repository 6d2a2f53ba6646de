"""Both directions with the reference: what one writes the other opens, reads and goes on with."""
