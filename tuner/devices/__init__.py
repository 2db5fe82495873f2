"""GPUs, CPU cores and memory that workers may use."""
