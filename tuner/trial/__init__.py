"""One trial: records that travel, budget, recovery, and its folder."""
