"""Files, folders and streams that survive crashes, full disks and readers that come late."""
