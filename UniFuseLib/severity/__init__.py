"""How strong the degradation is: measurable traces of the degraded scan, and the fit to them."""
