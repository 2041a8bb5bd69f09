"""Exported modules in TensorFlow 1.13.1 itself, and the scores it gives, beside today's."""

import json
import pathlib
import subprocess

import numpy as np
import pytest

from tests.evaluator.grid import METRICS, Grid

pytestmark = pytest.mark.evaluator
ROOT = pathlib.Path(__file__).resolve().parents[2]
GIN = [str(ROOT / "gin" / "metrics" / name) for name in ("study.gin", "fast.gin")]
POSTERIORS = sorted(path.stem for path in (ROOT / "gin" / "posteriors").glob("*.gin"))
MODELS = [(name, "conv", 3, "aligned") for name in POSTERIORS] + [
    ("diffusion_sphere", "mlp", 1, "ica"),
    ("diffusion_sphere", "conv", 1, "embedding"),
    ("diffusion_torus", "conv", 3, "angles"),
    ("mixed", "conv", 3, "angles"),
    ("mixed", "conv", 3, "principal"),
]


def spread_points(model, images):
    """Gives the points before their projection a spread, and a mean away from the origin.

    At random weights they are nearly the same for all images, and some lie so near the origin
    that the projection to a circle or a sphere enlarges the last digit's rounding a hundredfold.
    A trained model has neither. Means are 3 cos(j), so that neighbouring coordinates, a
    circle's two, are at least 2 from the origin; standard deviations are a half.
    """
    import tensorflow as tf

    from deltavae.manifolds import Euclidean

    features = model.encoder(tf.constant(images, tf.float32) / 255)
    for posterior in getattr(model.posterior, "parts", [model.posterior]):
        if isinstance(posterior.manifold, Euclidean):
            continue  # nothing is projected
        head = posterior.loc_head
        kernel, bias = head.get_weights()
        points = head(features).numpy()
        scale = 0.5 / points.std(axis=0)
        means = 3 * np.cos(np.arange(bias.size))
        head.set_weights([kernel * scale, means - (points.mean(axis=0) - bias) * scale])


def export_untrained(posterior, encoder, channels, readout, folder, images):
    """Writes the module of a model with random weights; returns the model's own codes."""
    import keras

    from deltavae.config import configured
    from deltavae.export.hub_module import write_module
    from deltavae.models.readouts import fit_readout

    files = [str(ROOT / "gin" / "base.gin"), str(ROOT / "gin" / "posteriors" / f"{posterior}.gin")]
    bindings = [f"model.encoder = @{encoder}_encoder", f"model.decoder = @{encoder}_decoder"]
    keras.utils.set_random_seed(0)
    with configured(files, bindings) as experiment:
        model = experiment.model((64, 64, channels))
    spread_points(model, images)
    codes = model.embedding(images).numpy()
    model.readout = fit_readout(readout, codes, model.posterior.manifold)
    write_module(model.representation, (64, 64, channels), folder)
    return model.representation(images).numpy()


def write_principal_components(images, folder):
    """A module whose code tells something about each factor, without a training."""
    import tensorflow as tf

    from deltavae.export.hub_module import write_module

    some = images[:: max(1, len(images) // 400)].reshape(-1, images[0].size) / np.float32(255)
    mean = some.mean(axis=0)
    vectors = np.linalg.svd(some - mean, full_matrices=False)[2][:6].T
    vectors *= 0.3 / np.std((some - mean) @ vectors, axis=0)

    def codes(images):
        return (tf.reshape(images, (-1, mean.size)) - mean) @ vectors

    write_module(codes, images.shape[1:], folder)


@pytest.fixture(scope="module")
def both_stacks(python_2019, trained_run, tmp_path_factory):
    """Codes of all modules and the scores of one, of both stacks."""
    from deltavae.data import load
    from deltavae.export.representation import load_representation
    from deltavae.scoring.challenge import PROTOCOLS, run_metric

    folder = tmp_path_factory.mktemp("evaluator")
    noise = {
        c: np.random.default_rng(c).integers(0, 256, (300, 64, 64, c), np.uint8) for c in (1, 3)
    }
    for channels, images in noise.items():
        np.save(folder / f"noise{channels}.npy", images)
    modules, codes = {}, {}
    for model in MODELS:
        name = "-".join(map(str, model))
        codes[name] = export_untrained(*model, folder / name, noise[model[2]])
        modules[name] = [str(folder / name), str(folder / f"noise{model[2]}.npy")]

    data = load("turntable")
    images = data.images(np.arange(data.num_images))
    np.save(folder / "turntable.npy", images)
    write_principal_components(images, folder / "principal")
    folders = {"trained": trained_run / "representation" / "tfhub", "scored": folder / "principal"}
    for name, module in folders.items():
        modules[name] = [str(module), str(folder / "turntable.npy")]
        codes[name] = load_representation(module)(images)
    scores = {
        protocol: {
            key: run_metric(
                key,
                Grid(data.factor_sizes),
                lambda rows: codes["scored"][rows],
                settings="fast",
                protocol=protocol,
            )[METRICS[key][2]]
            for key in METRICS
        }
        for protocol in PROTOCOLS
    }

    job = folder / "job.json"
    job.write_text(
        json.dumps(
            {
                "modules": modules,
                "scored": "scored",
                "sizes": data.factor_sizes,
                "gin": GIN,
                "output": str(folder),
            }
        )
    )
    script = pathlib.Path(__file__).with_name("run_2019.py")
    done = subprocess.run(
        [str(python_2019), "-W", "ignore", str(script), str(job)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    codes_2019 = {name: np.load(folder / f"{name}.npy") for name in modules}
    return codes, codes_2019, scores, json.loads((folder / "scores.json").read_text())


def test_codes_agree(both_stacks, capsys):
    codes, codes_2019, _, _ = both_stacks
    for name, now in codes.items():
        then = codes_2019[name]
        assert then.dtype == np.float32 and then.shape == now.shape
        apart = np.abs(then - now)
        if name.endswith("angles"):
            apart = np.minimum(apart, 2 * np.pi - apart)  # pi and -pi are one angle
        with capsys.disabled():
            print(f"\n{name:42} {now.shape!s:12} largest difference {apart.max():.1e}", end="")  # noqa: T201
        assert apart.max() <= 5e-6, name


def test_scores_agree(both_stacks, capsys):
    _, _, scores, theirs = both_stacks
    with capsys.disabled():
        print(f"\n{'':20}{'stack of 2019':>15}" + "".join(f"{p:>15}" for p in scores), end="")  # noqa: T201
        for key, of_2019 in theirs.items():
            ours = "".join(f"{found[key]:15.6f}" for found in scores.values())
            print(f"\n{key:20}{of_2019:15.6f}{ours}", end="")  # noqa: T201
    for key, of_2019 in theirs.items():
        tolerance = 0.003 if key == "dci" else 2e-4
        assert scores["challenge2019"][key] == pytest.approx(of_2019, abs=tolerance), key
