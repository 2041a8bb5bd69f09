"""Writes and reads a model's representation, the function from images to codes.

An exported representation is a folder:

    tfhub/            the module that the challenge's evaluator loads (TensorFlow 1.13 and 2)
    saved_model/      the same as a native TensorFlow 2 SavedModel
    model.keras       the whole model, where it is a Keras model
    results/          what the evaluator copies: gin/postprocess.gin names the data set
    about.json        name and digest of the dataset, readout, the norm that it promises,
                      what each code is (factor of the latent space, kind), image shape, size
                      of a code
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from deltavae.data.batches import ENCODED_TOGETHER, map_batches, num_cores
from deltavae.errors import UserError, command
from deltavae.export.hub_module import INPUT, OUTPUT, SIGNATURE, write_module
from deltavae.io import atomic_dir, without_wildcards, write_json

_TOLERANCE = 5e-6
# No rounding excuses a larger difference of codes, which have the scale of 1.
_MOST = 1e-3
# Run by a Python that knows nothing of this package, as the evaluator's does.
_RELOAD = """
import sys
import numpy as np
import tensorflow as tf
images, *modules, target = sys.argv[1:]
images = tf.constant(np.load(images))
np.save(target, [
    tf.saved_model.load(module).signatures["representation"](images=images)["default"].numpy()
    for module in modules
])
"""


def export_representation(
    model: Any,
    directory: Path,
    *,
    dataset_name: str,
    example_images: np.ndarray,
    dataset_digest: str | None = None,
) -> None:
    """Writes `model.representation` into `directory`, which is replaced as a whole.

    The modules are read back by a clean Python and compared with the model; a difference
    above 5e-6 fails the export and leaves `directory` as it was. Where an image is encoded
    near the centre of a sphere, rounding is allowed what it does there, up to 1e-3.

    Args:
        model: has `representation(images)`, a TensorFlow function of float32 images
            (batch, height, width, channels) in [0, 1] to codes (batch, k); its `readout`,
            where it has one, is named in `about.json`.
        directory: the folder `representation` of a run.
        dataset_name: of what the model was trained on; the evaluator reads it.
        dataset_digest: `GroundTruthData.digest` of the same, by which scoring finds out
            whether a dataset of that name is still the same.
        example_images: (n, height, width, channels) uint8, or float in [0, 1].

    Raises:
        UserError: where codes are not finite, TensorFlow 1.13 lacks an operation, or the
            written modules do not do what the model does.
    """
    images = as_float_images(example_images)
    codes = _codes_on_cpu(model, images)
    if not np.isfinite(codes).all():
        raise UserError(
            "the representation is not exported",
            expected="finite codes",
            received=f"{np.size(codes) - np.isfinite(codes).sum()} of {codes.size} not finite",
            advice="A weight may be NaN: train again, with a lower train.learning_rate",
        )
    again = np.max(np.abs(_codes_on_cpu(model, images) - codes), initial=0)
    if again > _TOLERANCE:
        raise UserError(
            "the representation is not exported",
            expected="the same codes for the same images",
            received=f"a difference of {again:g} between two calls",
            advice="Leave out what is random, such as dropout",
        )
    with atomic_dir(directory) as temporary:
        write_module(model.representation, images.shape[1:], temporary / "tfhub")
        _write_saved_model(model, images.shape[1:], temporary / "saved_model")
        if isinstance(model, keras.Model):
            model.save(temporary / "model.keras")
        gin = temporary / "results" / "gin"
        gin.mkdir(parents=True)
        (gin / "postprocess.gin").write_text(
            f"dataset.name = {dataset_name!r}\n", encoding="utf-8"
        )
        readout = getattr(model, "readout", None)
        write_json(
            temporary / "about.json",
            {
                "dataset": dataset_name,
                "dataset_digest": dataset_digest,
                "readout": getattr(readout, "name", "embedding"),
                "norm": getattr(readout, "norm", None),
                "codes": getattr(readout, "codes", None),
                "image_shape": list(images.shape[1:]),
                "code_dim": codes.shape[1],
            },
        )
        with without_wildcards(temporary) as plain:
            _compare(plain, images, codes, _allowed(model, images, codes))


def load_representation(path: str | Path) -> Callable[[np.ndarray], np.ndarray]:
    """Reads a representation from a module folder, a SavedModel or a .keras file.

    Args:
        path: `representation/tfhub`, `representation/saved_model`, `representation/model.keras`
            or the folder `representation` itself, of which tfhub is taken.

    Returns:
        A function of images, uint8 or float in [0, 1], (batch, height, width, channels) with
        any batch, to float32 codes (batch, k). It converts uint8 inside its graph, where that
        costs least; codes of the same images as floats may differ by rounding.

    Raises:
        UserError: where there is no representation at `path`, it is damaged, or images do not
            fit it.
    """
    path = Path(path)
    if path.suffix == ".keras" and path.is_file():
        return function_of_images(_from_keras(path))
    if (path / "tfhub").is_dir():
        path = path / "tfhub"
    if not (path / "saved_model.pb").is_file():
        raise UserError(
            f"there is no representation at {path}",
            expected="a folder with saved_model.pb, or a .keras file",
            received="a folder without" if path.is_dir() else "neither",
        )
    return function_of_images(*_from_saved_model(path))


def as_float_images(images: np.ndarray) -> np.ndarray:
    """Images as float32 in [0, 1]; uint8 is divided by 255.

    Raises:
        UserError: where the array is not (batch, height, width, channels) of such numbers.
    """
    images = np.asarray(images)
    is_float = np.issubdtype(images.dtype, np.floating)
    if images.ndim != 4 or not (images.dtype == np.uint8 or is_float):
        raise UserError(
            "these are not images",
            expected="uint8 or float (batch, height, width, channels)",
            received=f"{images.dtype} of shape {images.shape}",
        )
    if not is_float:
        return images.astype(np.float32) / np.float32(255)
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise UserError(
            "these float images are out of range",
            expected="values in [0, 1]",
            received=f"values in [{images.min():g}, {images.max():g}]",
        )
    return images.astype(np.float32, copy=False)


@contextlib.contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Raise a `UserError` for whatever a damaged file makes TensorFlow or Keras raise."""
    try:
        yield
    except (UserError, MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{path} is damaged or incomplete",
            expected="what the export wrote",
            received=reason.removesuffix("."),
            advice=f"If it is a run's, {command('train')} --resume --output_dir RUN exports it "
            "again from the last checkpoint; with --overwrite in place of --resume it is "
            "trained again.",
        ) from error


def _from_keras(path: Path) -> Callable[[tf.Tensor], tf.Tensor]:
    # imported here: it registers what the file names, and a module needs none of it
    import deltavae.models.delta_vae  # noqa: F401

    with damage_named(path):
        model = keras.saving.load_model(path, compile=False)
    if not hasattr(model, "representation"):
        raise UserError(
            f"{path} holds no representation", expected="a DeltaVAE", received=type(model).__name__
        )
    return model.representation


def _from_saved_model(
    path: Path,
) -> tuple[Callable[[tf.Tensor], tf.Tensor], tuple[int | None, ...]]:
    with damage_named(path), without_wildcards(path) as plain:
        loaded = tf.saved_model.load(str(plain))
    signature = loaded.signatures.get(SIGNATURE)
    inputs = {} if signature is None else signature.structured_input_signature[1]
    if set(inputs) != {INPUT} or OUTPUT not in signature.structured_outputs:
        raise UserError(
            f"the module at {path} is no representation",
            expected=f"a signature {SIGNATURE!r} from {INPUT!r} to {OUTPUT!r}",
            received=f"signatures {sorted(loaded.signatures)}",
        )

    def function(images: tf.Tensor) -> tf.Tensor:
        assert loaded.signatures  # a signature does not keep alive what it reads
        return signature(**{INPUT: images})[OUTPUT]

    return function, tuple(inputs[INPUT].shape[1:])


def function_of_images(
    function: Callable[[tf.Tensor], tf.Tensor],
    image_shape: tuple[int | None, ...] = (64, 64, None),
) -> Callable[[np.ndarray], np.ndarray]:
    """Compile a function of float32 images in [0, 1] for arrays of any length, and uint8.

    Args:
        function: tensors (batch, height, width, channels) to (batch, k).
        image_shape: (height, width, channels) that it takes; None is any.

    Returns:
        what `load_representation` returns.
    """
    lock = threading.Lock()

    @functools.cache
    def compiled(shape: tuple[int, ...], dtype: np.dtype) -> Callable[[np.ndarray], np.ndarray]:
        def converted(images: tf.Tensor) -> tf.Tensor:
            return function(tf.cast(images, tf.float32) / 255.0 if dtype == np.uint8 else images)

        spec = tf.TensorSpec((None, *shape), dtype)
        return _on_one_core(tf.function(converted, autograph=False).get_concrete_function(spec))

    def of_batch(images: np.ndarray) -> np.ndarray:
        if images.dtype != np.uint8:
            images = as_float_images(images)
        with lock:  # batches may come from several threads
            of_images = compiled(images.shape[1:], images.dtype)
        return of_images(images)

    def representation(images: np.ndarray) -> np.ndarray:
        images = np.asarray(images)
        wanted = zip(image_shape, images.shape[1:], strict=False)
        if images.ndim != 4 or any(size not in (None, given) for size, given in wanted):
            raise UserError(
                "these images do not fit the representation",
                expected=f"shape {(None, *image_shape)}",
                received=images.shape,
            )
        if not len(images):  # some kernels fail on nothing
            return representation(np.zeros((1, *images.shape[1:]), images.dtype))[:0]
        threads = num_cores() if len(images) > ENCODED_TOGETHER else 0
        codes = map_batches(of_batch, images, threads=threads, batch_size=ENCODED_TOGETHER)
        return codes.astype(np.float32, copy=False)

    return representation


def _on_one_core(function: tf.types.experimental.ConcreteFunction) -> Callable:
    """The function of one array, with its weights as they are now, computed by its caller alone.

    Cores that share one batch wait for each other in every layer, and so does the thread that
    hands a function to TensorFlow's. A session can leave both out, provided that it has
    threads of its own, as set in `deltavae`; otherwise it shares those that there are.
    """
    frozen = convert_variables_to_constants_v2(function)
    if len(frozen.inputs) > 1:  # it reads tables, which belong to the eager runtime
        return lambda images: np.asarray(function(tf.constant(images)))
    v1 = tf.compat.v1
    config = v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(frozen.graph.as_graph_def(), name="")
    session = v1.Session(graph=graph, config=config)
    return session.make_callable(frozen.outputs[0].name, [frozen.inputs[0].name])


def _write_saved_model(model: Any, image_shape: tuple[int, ...], directory: Path) -> None:
    spec = tf.TensorSpec((None, *image_shape), tf.float32, name=INPUT)

    def representation(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {OUTPUT: model.representation(images)}

    signature = tf.function(representation, autograph=False).get_concrete_function(spec)
    module = tf.Module()
    module.read = list(signature.graph.variables)  # what is saved are a module's attributes
    tf.saved_model.save(module, str(directory), signatures={SIGNATURE: signature})


def _codes_on_cpu(model: Any, images: np.ndarray) -> np.ndarray:
    """As the clean Python computes them; a GPU may round to 10 bits (TensorFloat-32)."""
    with tf.device("/CPU:0"):
        return np.asarray(model.representation(tf.constant(images)))


def _allowed(model: Any, images: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How far codes of each image may differ by rounding, (n, 1).

    The projection to a sphere divides by the distance from its centre, and enlarges the rounding
    of all layers before it without bound. By how much is seen from the codes of the image whose
    pixels are the next larger or smaller float32, times ten because every layer rounds.
    """
    moved = [_codes_on_cpu(model, np.nextafter(images, np.float32(end))) for end in (0, 1)]
    most = np.max(np.abs(np.subtract(moved, codes)), axis=(0, 2), initial=0.0)
    return np.clip(10.0 * most, _TOLERANCE, _MOST)[:, np.newaxis]


def _compare(directory: Path, images: np.ndarray, codes: np.ndarray, allowed: np.ndarray) -> None:
    given, read_back = directory / "images.npy", directory / "codes.npy"
    np.save(given, images)
    modules = [directory / "tfhub", directory / "saved_model"]
    done = subprocess.run(
        [sys.executable, "-c", _RELOAD, given, *modules, read_back],
        # the GPU's memory is taken by this process
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UserError(
            "the exported module cannot be read back",
            expected="a module that loads",
            received=(done.stderr.strip() or "no message").splitlines()[-1],
        )
    for module, found in zip(modules, np.load(read_back), strict=True):
        differences = np.abs(found - codes)
        if not np.all(differences <= allowed):
            image = int(np.argmax(np.max(differences - allowed, axis=1)))
            raise UserError(
                f"the exported module {module.name} does not do what the model does",
                expected=f"codes of image {image} within {allowed[image, 0]:g}",
                received=f"a difference of {differences[image].max():g}",
            )
    given.unlink()
    read_back.unlink()
