"""A scan becomes network intensities: checks, modality, body, intensity rule, working grid."""
