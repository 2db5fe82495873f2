"""Search space, goals and ranking of trials."""
