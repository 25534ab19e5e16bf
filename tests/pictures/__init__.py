"""The documents' screenshots, taken by the product itself."""
