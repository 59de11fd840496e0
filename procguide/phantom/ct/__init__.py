"""CT images of a phantom."""
