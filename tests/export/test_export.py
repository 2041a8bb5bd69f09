"""What is written does what the model does, in a clean process, whole or not at all."""

import json
import os
import shutil
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from deltavae.errors import UserError
from deltavae.export.hub_module import read_meta_graph, write_module
from deltavae.export.representation import (
    as_float_images,
    export_representation,
    load_representation,
)
from deltavae.models.readouts import fit_readout


class Small:
    """The least that can be exported: a unit vector from a convolution."""

    def __init__(self, channels=3, readout=None):
        keras.utils.set_random_seed(0)
        self.net = keras.Sequential(
            [
                keras.Input((64, 64, channels)),
                keras.layers.Conv2D(4, 4, 4, activation="relu", name="first"),
                keras.layers.BatchNormalization(),
                keras.layers.Flatten(),
                keras.layers.Dense(6),
            ]
        )
        self.readout = readout

    def representation(self, images):
        codes = self.net(images, training=False)
        codes = codes / tf.norm(codes, axis=-1, keepdims=True)
        return codes if self.readout is None else self.readout(codes)


def pictures(count=70, channels=3):
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, channels), np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "representation"
    images = pictures(10)
    plain = Small().representation(as_float_images(images)).numpy()
    model = Small(readout=fit_readout("aligned", plain))
    export_representation(model, path, dataset_name="cars3d", example_images=images)
    return path, model


@pytest.mark.parametrize("part", ["", "tfhub", "saved_model"])
@pytest.mark.parametrize("count", [0, 1, 600])
def test_reads_back_any_batch(exported, part, count):
    path, model = exported
    images = pictures(count)
    codes = load_representation(path / part)(images)
    assert codes.dtype == np.float32 and codes.shape == (count, 6)
    if count:
        wanted = model.representation(as_float_images(images))
        np.testing.assert_allclose(codes, wanted, atol=5e-6, rtol=0)
    floats = load_representation(path / part)(images / 255.0)
    np.testing.assert_allclose(floats, codes, atol=5e-6, rtol=0)


def test_a_batch_is_encoded_by_the_thread_that_asks_for_it(exported):
    encode = load_representation(exported[0])
    images = pictures(32)
    encode(images)
    mine, all_threads = time.thread_time(), time.process_time()
    for _ in range(50):
        encode(images)
    mine, all_threads = time.thread_time() - mine, time.process_time() - all_threads
    assert mine > 0.9 * all_threads


def test_a_module_that_reads_a_table_is_read_too(tmp_path):
    class Doubled(tf.Module):
        def __init__(self):
            keys = tf.range(256)
            table = tf.lookup.KeyValueTensorInitializer(keys, 2 * keys)
            self.table = tf.lookup.StaticHashTable(table, 0)

        @tf.function(input_signature=[tf.TensorSpec((None, 64, 64, 3), name="images")])
        def representation(self, images):
            corners = tf.cast(tf.round(255 * images[:, 0, 0]), tf.int32)
            return {"default": tf.cast(self.table.lookup(corners), tf.float32)}

    module = Doubled()
    signatures = {"representation": module.representation}
    tf.saved_model.save(module, str(tmp_path), signatures=signatures)
    images = pictures(40)
    codes = load_representation(tmp_path)(images)
    np.testing.assert_array_equal(codes, 2.0 * images[:, 0, 0])


def test_both_sides_of_the_comparison_leave_the_gpu_alone(tmp_path, monkeypatch):
    """The trainer holds its memory, and it rounds otherwise. Its devices are looked at."""
    places, environments = set(), []

    class Seen(Small):
        def representation(self, images):
            if tf.executing_eagerly():
                places.add(context.context().device_name)
            return super().representation(images)

    run = subprocess.run

    def seen(*arguments, env=None, **rest):
        environments.append(env)
        return run(*arguments, env=env, **rest)

    monkeypatch.setattr(subprocess, "run", seen)
    path = tmp_path / "representation"
    export_representation(Seen(), path, dataset_name="noise", example_images=pictures(2))
    assert [place.split("/")[-1] for place in places] == ["device:CPU:0"]
    assert [each["CUDA_VISIBLE_DEVICES"] for each in environments] == ["-1"]
    assert environments[0].keys() >= os.environ.keys()


def test_the_module_is_in_the_format_that_both_worlds_read(exported):
    path, _ = exported
    hub = path / "tfhub"
    assert (hub / "tfhub_module.pb").read_bytes() == b"\x08\x03"
    meta_graph = read_meta_graph(hub)
    assert list(meta_graph.meta_info_def.tags) == []
    assert set(meta_graph.signature_def) == {"representation", "default"}
    assert all(s.method_name == "" for s in meta_graph.signature_def.values())
    assert not meta_graph.graph_def.library.function
    assert not [n for n in meta_graph.graph_def.node if "Variable" in n.op or n.device]
    assert (path / "results/gin/postprocess.gin").read_text() == "dataset.name = 'cars3d'\n"
    about = json.loads((path / "about.json").read_text())
    assert about["codes"] == [{"factor": None, "kind": "direction"}] * 6
    layer = tf.saved_model.load(str(hub)).signatures["default"]
    assert layer(images=tf.zeros((2, 64, 64, 3)))["default"].shape == (2, 6)


def test_nothing_but_the_parts_is_left(exported):
    path, _ = exported
    assert {p.name for p in path.iterdir()} == {"tfhub", "saved_model", "results", "about.json"}
    assert [p.name for p in path.parent.iterdir()] == ["representation"]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 64, 64), np.uint8), "do not fit"),
        (np.zeros((2, 64, 64, 1), np.uint8), "do not fit"),
        (np.zeros((2, 3, 64, 64), np.uint8), "do not fit"),
        (np.full((1, 64, 64, 3), 255.0, np.float32), r"values in \[0, 1\]"),
        (np.zeros((1, 64, 64, 3), np.int64), "received int64"),
    ],
)
def test_other_images_are_refused(exported, images, message):
    path, _ = exported
    with pytest.raises(UserError, match=message):
        load_representation(path)(images)


def test_other_paths_are_refused(tmp_path):
    with pytest.raises(UserError, match="no representation"):
        load_representation(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(UserError, match="signature 'representation'"):
        load_representation(tmp_path / "other")


@pytest.mark.parametrize(
    ("part", "file", "size"),
    [
        ("tfhub", "saved_model.pb", 1000),
        ("tfhub", "saved_model.pb", 0),
        ("saved_model", "saved_model.pb", 1000),
        ("saved_model", "variables/variables.index", None),
        ("saved_model", "variables/variables.index", 20),
        ("saved_model", "variables/variables.data-00000-of-00001", None),
        ("saved_model", "variables/variables.data-00000-of-00001", 100),
    ],
)
def test_a_damaged_module_is_named(exported, tmp_path, part, file, size):
    shutil.copytree(exported[0] / part, tmp_path / part)
    if size is None:
        (tmp_path / part / file).unlink()
    else:
        os.truncate(tmp_path / part / file, size)
    with pytest.raises(UserError, match=r"is damaged.*--resume") as error:
        load_representation(tmp_path / part)
    assert str(tmp_path / part) in error.value.message


def test_a_damaged_keras_file_is_named(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"model\.keras is damaged"):
        load_representation(tmp_path / "model.keras")


def _fails(tmp_path, model, message):
    path = tmp_path / "representation"
    path.mkdir()
    (path / "old").write_text("old")
    with pytest.raises(UserError, match=message):
        export_representation(model, path, dataset_name="x", example_images=pictures(3))
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == [
        "representation",
        "representation/old",
    ]


def test_a_weight_that_is_not_a_number_is_refused(tmp_path):
    model = Small()
    model.net.layers[0].kernel.assign(tf.fill((4, 4, 3, 4), np.nan))
    _fails(tmp_path, model, "18 of 18 not finite")


def test_an_operation_that_1_13_lacks_is_refused_with_its_layer(tmp_path):
    model = Small()
    last = keras.layers.Lambda(lambda x: tf.where(x > 0, x, 0.1 * x), name="leaky")
    model.net.add(last)
    _fails(tmp_path, model, "SelectV2 at .*leaky")


def test_an_image_near_the_centre_of_the_sphere_is_exported(tmp_path):
    # rounding of its features is enlarged 1,000 times by the projection
    images = pictures(10)
    model = Small()
    features = model.net(as_float_images(images), training=False).numpy()
    model.net.layers[-1].bias.assign(1e-3 * np.linalg.norm(features[0]) - features[0])
    wanted = model.representation(as_float_images(images)).numpy()
    export_representation(model, tmp_path / "run", dataset_name="x", example_images=images)
    codes = load_representation(tmp_path / "run")(images)
    np.testing.assert_allclose(codes[1:], wanted[1:], atol=5e-6, rtol=0)
    np.testing.assert_allclose(codes[0], wanted[0], atol=1e-3, rtol=0)


def test_a_module_that_does_something_else_is_refused(tmp_path):
    class OtherWhenTraced(Small):
        def representation(self, images):
            codes = super().representation(images)
            return codes if tf.executing_eagerly() else codes + 1e-5

    _fails(tmp_path, OtherWhenTraced(), "does not do what the model does; expected codes of image")


def test_random_codes_are_refused(tmp_path):
    class Random(Small):
        def representation(self, images):
            return super().representation(images) + tf.random.uniform((6,), maxval=1e-3)

    _fails(tmp_path, Random(), "between two calls")


def test_ten_thousand_images_stay_under_a_gigabyte(tmp_path):
    write_module(Small().representation, (64, 64, 3), tmp_path / "tfhub")
    code = f"""
import resource
import numpy as np
import tensorflow as tf
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
f = tf.saved_model.load({str(tmp_path / "tfhub")!r}).signatures["representation"]
f(images=tf.zeros((300, 64, 64, 3)))
before = peak()
codes = f(images=tf.zeros((10000, 64, 64, 3)))["default"]
assert codes.shape == (10000, 6)
assert peak() - before < 1.0, peak() - before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_parts_of_a_trained_run_agree(trained_run):
    path = trained_run / "representation"
    code = f"""
import numpy as np
from deltavae.export.representation import load_representation
images = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), np.uint8)
parts = [load_representation({str(path)!r} + part)(images)
         for part in ("", "/tfhub", "/saved_model", "/model.keras")]
assert np.std(parts[0]) > 1e-3
assert max(np.max(np.abs(part - parts[0])) for part in parts) < 5e-6
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
