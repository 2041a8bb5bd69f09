"""Studies: many runs as data, on one machine or on a cluster.

Starts without TensorFlow: each run is a process of its own, and this package only says which.
"""

from deltavae.studies.engine import Engine, Job, LocalEngine, Outcome
from deltavae.studies.folder import StudyFolder
from deltavae.studies.run_spec import RunSpec, Scoring
from deltavae.studies.scheduler import Progress, run_study
from deltavae.studies.study import Study, study

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
