"""Values and text as people read them."""
