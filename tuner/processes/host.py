"""Name of this machine."""

import re
import socket


def host_name() -> str:
    """Return the machine's name as a part of a file name."""
    return re.sub(r"[^\w.-]", "_", socket.gethostname())
