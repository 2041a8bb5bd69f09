"""Imported once by the server that the processes of metrics are forked from."""

import scipy.stats  # noqa: F401
import sklearn.ensemble
import sklearn.linear_model
import sklearn.metrics
import sklearn.preprocessing
import sklearn.svm  # noqa: F401

import deltavae.scoring.challenge
import deltavae.scoring.jobs  # noqa: F401
from deltavae.scoring.boosted_trees import ensemble  # noqa: F401
from deltavae.scoring.boosted_trees.kernels import priority
from deltavae.scoring.library_adaptor import library

library()
# numba imports half of itself when the first function is called. This one starts no threads: a
# process that has them must not be forked.
priority(1, 0, 0)
