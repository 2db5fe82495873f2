"""The MLflow adapter: one run for the sweep, one for each trial attempt.

What happens is written to a spool on disk first and sent from there by one thread, in order: an
outage of the tracking server, or the end of this process, loses nothing and delays nobody.
"""

from tuner.tracking.address import tracking_uri
from tuner.tracking.origins import COMMIT, Inputs, origin
from tuner.tracking.replay import replay
from tuner.tracking.spool import SPOOL
from tuner.tracking.tracker import Tracker
from tuner.tracking.view import View

__all__ = ["COMMIT", "SPOOL", "Inputs", "Tracker", "View", "origin", "replay", "tracking_uri"]
