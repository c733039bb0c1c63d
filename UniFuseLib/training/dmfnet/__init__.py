"""Training of the engine `dmfnet`: Stage I (diffusion), then Stage II (fusion)."""
