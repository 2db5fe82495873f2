"""The MLflow adapter: one run for the sweep, and one for each trial attempt.

Every event is written to a spool on disk first. One thread sends the spool in order, so that an
outage of the tracking server, or the end of this process, loses nothing and delays no trial.
"""

from tuner.tracking.address import tracking_uri
from tuner.tracking.origins import COMMIT, Inputs, origin
from tuner.tracking.replay import replay
from tuner.tracking.spool import SPOOL
from tuner.tracking.tracker import Tracker
from tuner.tracking.view import View

__all__ = ["COMMIT", "SPOOL", "Inputs", "Tracker", "View", "origin", "replay", "tracking_uri"]
