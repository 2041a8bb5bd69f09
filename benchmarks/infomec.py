"""InfoMEC's mutual information here and by scikit-learn, side by side.

    python benchmarks/infomec.py                        # 10,000 points, 10 codes, 7 factors
    python benchmarks/infomec.py --points 2000

Prints seconds of both, their ratio, the largest difference, and the seconds of InfoMEC as a whole.
Factors have the sizes of MPI3D; codes are noisy factors and noise.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.feature_selection import mutual_info_classif

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deltavae.scoring.infomec import NUM_NEIGHBOURS, infomec, information_with_classes

SIZES = (6, 6, 2, 3, 3, 40, 40)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10000)
    parser.add_argument("--codes", type=int, default=10)
    chosen = parser.parse_args()
    rs = np.random.RandomState(0)
    factors = np.stack([rs.randint(size, size=chosen.points) for size in SIZES], axis=1)
    codes = rs.randn(chosen.points, chosen.codes).astype(np.float32)
    known = min(chosen.codes, len(SIZES))
    codes[:, :known] = factors[:, :known] / factors.std(axis=0)[:known] + 0.2 * codes[:, :known]

    started = time.perf_counter()
    ours = [information_with_classes(code, factors, seed=0) for code in codes.T]
    our_seconds = time.perf_counter() - started
    started = time.perf_counter()
    theirs = [
        [
            mutual_info_classif(
                code[:, None].astype(np.float64),
                labels,
                discrete_features=False,
                n_neighbors=NUM_NEIGHBOURS,
                random_state=0,
            )[0]
            for labels in factors.T
        ]
        for code in codes.T
    ]
    their_seconds = time.perf_counter() - started
    started = time.perf_counter()
    infomec(factors, codes)
    whole = time.perf_counter() - started
    print(f"{chosen.points:,} points, {chosen.codes} codes, {len(SIZES)} factors")
    print(f"mutual information here    {our_seconds:6.2f} s")
    print(
        f"by scikit-learn            {their_seconds:6.2f} s, {their_seconds / our_seconds:.1f} x"
    )
    print(f"largest difference         {np.abs(np.array(ours) - theirs).max():.1e} nats")
    print(f"InfoMEC as a whole here    {whole:6.2f} s")


if __name__ == "__main__":
    main()
