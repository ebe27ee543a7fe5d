"""The system of a box with a locked boot chain, built once; and a machine with Secure Boot and a TPM."""
