"""Studies: many runs as data, on one machine or on a cluster.

Starts without TensorFlow: each run is a process of its own, and this package only says which.
"""

from deltavae.sweeps.engine import Engine, Job, LocalEngine, Outcome
from deltavae.sweeps.folder import StudyFolder
from deltavae.sweeps.scheduler import Progress, run_study
from deltavae.sweeps.spec import RunSpec, Scoring
from deltavae.sweeps.study import Study, study

__all__ = [
    "Engine",
    "Job",
    "LocalEngine",
    "Outcome",
    "Progress",
    "RunSpec",
    "Scoring",
    "Study",
    "StudyFolder",
    "run_study",
    "study",
]
