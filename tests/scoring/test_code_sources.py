"""What is scored, and on what: nothing is guessed, and what had to be chosen is said."""

import json
import pickle
import zipfile

import numpy as np
import pytest

from deltavae.data import ArrayData, Factor, load
from deltavae.errors import UserError
from deltavae.scoring import code_sources
from deltavae.scoring.evaluate import evaluate
from deltavae.scoring.probes import probe_factors

GRID = [Factor("size", 3), Factor("azimuth", 8, symmetry=1)]
TABLE = np.stack(np.unravel_index(np.arange(24), (3, 8)), 1)
CODES = TABLE + 0.1 * np.random.default_rng(0).normal(size=(24, 2))


def images(seed):
    return np.random.default_rng(seed).integers(0, 256, (24, 4, 4, 1), dtype=np.uint8)


@pytest.fixture
def datasets(monkeypatch):
    """Two named datasets of other contents; AICROWD_DATASET_NAME is not set."""
    known = {name: ArrayData(name, GRID, images(seed)) for seed, name in enumerate("ab")}
    monkeypatch.setattr(code_sources, "load_data", known.__getitem__)
    monkeypatch.delenv("AICROWD_DATASET_NAME", raising=False)
    return known


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A representation whose module is the images' first pixels."""
    import deltavae.export.representation as export

    (tmp_path / "r" / "tfhub").mkdir(parents=True)
    (tmp_path / "r" / "tfhub" / "saved_model.pb").write_bytes(b"a module")
    monkeypatch.setattr(
        export, "load_representation", lambda _: lambda x: x.reshape(len(x), -1)[:, :3]
    )
    return tmp_path / "r"


def about(module, **content):
    (module / "about.json").write_text(json.dumps({"readout": "embedding", **content}))


def postprocess(module, text):
    path = module / "results" / "gin" / "postprocess.gin"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def score(module, data=None):
    scores = evaluate(
        representation=module, data=data, settings="fast", metrics=["mig"], protocol="current"
    )
    return scores["dataset"], scores["warnings"]


def test_what_was_called_turntable_before_it_lost_its_mark(datasets, module):
    """Files without a digest are that old: scored on the other images, all would be wrong."""
    for seed, name in enumerate(("turntable", "turntable_marked")):
        datasets[name] = ArrayData(name, GRID, images(seed))
    about(module, dataset="turntable")
    name, warnings = score(module)
    assert name == "turntable_marked" and "before digests" in warnings[0]
    about(module, dataset="turntable", dataset_digest=datasets["turntable"].digest)
    assert score(module) == ("turntable", [])


def test_the_dataset_that_about_json_names(module, datasets):
    about(module, dataset="b", dataset_digest=datasets["b"].digest)
    assert score(module) == ("b", [])


def test_a_module_of_before_digests_still_works_and_it_is_said(module, datasets):
    about(module, dataset="b")
    dataset, (warning,) = score(module)
    assert dataset == "b" and "before digests" in warning and "not checked" in warning


def test_other_content_under_the_same_name_is_an_error(module, datasets):
    about(module, dataset="b", dataset_digest=datasets["a"].digest)
    with pytest.raises(UserError, match="not the one") as error:
        score(module)
    for digest in (datasets["a"].digest, datasets["b"].digest):
        assert digest[:16] in str(error.value)
    dataset, (warning,) = score(module, "b")  # asked for all the same
    assert dataset == "b" and "as asked" in warning and "other content" in warning


def test_another_dataset_asked_for_is_said(module, datasets):
    about(module, dataset="b", dataset_digest=datasets["b"].digest)
    dataset, (warning,) = score(module, "a")
    assert dataset == "a" and "names b" in warning


@pytest.mark.parametrize("name", ['/my images/it\'s "here"', r"C:\new\table", "plain"])
def test_any_text_in_postprocess_gin(module, datasets, name):
    datasets[name] = ArrayData(name, GRID, images(3))
    postprocess(module, f"dataset.name = {name!r}\n")
    dataset, (warning,) = score(module)
    assert dataset == name and "not checked" in warning


def test_a_name_that_is_no_text_is_an_error_and_no_default(module, datasets):
    postprocess(module, "dataset.name = @somewhere()\n")
    with pytest.raises(UserError, match=r"cannot read the name.*--dataset"):
        score(module)


@pytest.mark.parametrize("text", [None, "dataset.name = 'auto'\n", "# nothing\n"])
def test_the_platform_or_nothing(module, datasets, monkeypatch, text):
    if text:
        postprocess(module, text)
    with pytest.raises(UserError, match="nothing says which dataset"):
        score(module)
    monkeypatch.setenv("AICROWD_DATASET_NAME", "a")
    dataset, (warning,) = score(module)
    assert dataset == "a" and "AICROWD_DATASET_NAME" in warning


def test_what_a_dataset_that_moved_asks_for(module, monkeypatch):
    about(module, dataset="/nowhere/images", dataset_digest="0" * 64)
    with pytest.raises(UserError, match=r"about\.json names.*--dataset"):
        score(module)


def read(tmp_path, **arrays):
    path = tmp_path / "codes.npz"
    np.savez(path, **arrays)
    return code_sources.from_codes(path, None)


@pytest.mark.parametrize(
    ("order", "warned"), [(slice(None), False), (slice(None, None, -1), True)]
)
def test_factors_in_another_order_than_the_dataset_are_said(tmp_path, order, warned):
    data = load("turntable_hues")
    table = 10 * data.factors(np.arange(data.num_images))[order]
    np.savez(tmp_path / "c.npz", codes=table + 0.5, factors=table)
    said = code_sources.from_codes(tmp_path / "c.npz", data).warnings
    assert (len(said), "not those of turntable_hues" in " ".join(said)) == (warned, warned)


@pytest.mark.parametrize("constant", ["of the file", "of the dataset"])
def test_factors_with_one_value_tell_no_images_apart(tmp_path, constant):
    """As the colour of dSprites in its latents_classes, which the dataset has not."""
    table = np.column_stack([np.full(24, 3), TABLE])
    if constant == "of the file":
        np.savez(tmp_path / "data.npz", images=np.zeros((24, 64, 64), np.uint8), factors=table)
        data = load(str(tmp_path / "data.npz"))
    else:
        data, table = ArrayData("one", [Factor("colour", 1), *GRID], images(0)), TABLE
    assert "one value" in " ".join(data.warnings) or constant == "of the dataset"
    for factors, said in ((table, False), (table[:, ::-1], True), (table[:, :-1], True)):
        np.savez(tmp_path / "c.npz", codes=CODES, factors=factors)
        warnings = code_sources.from_codes(tmp_path / "c.npz", data).warnings
        assert ("are not those of" in " ".join(warnings)) == said


@pytest.mark.parametrize(
    "factors",
    [
        TABLE.astype(np.float64),
        np.asfortranarray(TABLE),
        TABLE.astype(np.uint8),
        TABLE.astype(np.float16),
        5 * TABLE - 3,
        np.asfortranarray(TABLE.astype(np.float32)),
    ],
    ids=lambda array: f"{array.dtype}-{'F' if array.flags.f_contiguous else 'C'}",
)
def test_whole_numbers_of_any_type_and_layout(tmp_path, factors):
    source = read(tmp_path, codes=np.asfortranarray(CODES), factors=factors)
    np.testing.assert_array_equal(source.index.factors(np.arange(24)), TABLE)
    np.testing.assert_array_equal(source.codes, CODES.astype(np.float32))


@pytest.mark.parametrize("kind", [np.str_, np.bytes_, object])
def test_names_of_factors(tmp_path, kind):
    names = np.array(["size", "turn:circle"]).astype(kind)
    if kind is object:
        with pytest.raises(UserError, match="no objects"):
            read(tmp_path, codes=CODES, factors=TABLE, factor_names=names)
        return
    index = read(tmp_path, codes=CODES, factors=TABLE, factor_names=names).index
    assert index.names == ["size", "turn"] and index.symmetries == {"turn": 1}
    np.testing.assert_allclose(index.angles["turn"], np.pi / 4 * np.arange(8))


@pytest.mark.parametrize(
    ("header", "values", "degrees"),
    [
        ("turn:circle", range(8), range(0, 360, 45)),
        (" turn : circle", range(8), range(0, 360, 45)),
        ("turn: circle = 12", [0, 1, 2, 3, 5, 6, 7, 8], [0, 30, 60, 90, 150, 180, 210, 240]),
        ("turn:circle", range(0, 360, 45), range(0, 360, 45)),
        ("turn:circle", range(1, 9), range(45, 361, 45)),
        ("turn:circle=360", [0, 10, 20, 30, 90, 180, 190, 350], None),
        ("turn:circle=12", [0, 1, 2, 3, 5, 6, 7, 8], [0, 30, 60, 90, 150, 180, 210, 240]),
        ("turn:circle", [0, 1, 2, 3, 5, 6, 7, 8], "refused"),
        ("turn:circle", range(0, 120, 15), "refused"),
    ],
)
def test_numbers_of_a_factor_on_a_circle_mean_what_they_mean_in_a_table(
    tmp_path, header, values, degrees
):
    table = np.column_stack([TABLE[:, 0], np.array(values)[TABLE[:, 1]]])
    arrays = {"codes": CODES, "factors": table, "factor_names": ["size", header]}
    if degrees == "refused":
        with pytest.raises(UserError, match="how long a full turn is"):
            read(tmp_path, **arrays)
        return
    index = read(tmp_path, **arrays).index
    expected = np.radians(values if degrees is None else degrees)
    turned = np.exp(1j * (np.asarray(index.angles["turn"]) - expected))
    np.testing.assert_allclose(turned, turned[0], atol=1e-12)  # up to where 0 lies
    assert index.symmetries == {"turn": 1}


def test_a_factor_on_a_circle_is_probed(tmp_path):
    angle = np.pi / 4 * TABLE[:, 1]
    codes = np.column_stack([np.cos(angle), np.sin(angle), TABLE[:, 0]])
    np.savez(tmp_path / "c.npz", codes=codes, factors=TABLE, factor_names=["size", "turn:circle"])
    scores = evaluate(codes_file=tmp_path / "c.npz", settings="fast", metrics=["mig"])["scores"]
    assert scores["r2_turn"] == pytest.approx(1) and scores["d_lsbd"] == pytest.approx(0, abs=1e-6)


def test_a_factor_on_a_circle_may_be_called_like_a_score_of_2019(tmp_path):
    names = ["size", "x_2019:circle"]
    np.savez(tmp_path / "c.npz", codes=CODES, factors=TABLE, factor_names=names)
    scores = evaluate(codes_file=tmp_path / "c.npz", settings="fast", metrics=["mig"])["scores"]
    assert list(scores) == ["mig", "d_lsbd", "r2_x_2019"]


def test_points_of_one_object_have_no_object_held_out():
    angle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    factors = np.stack([np.zeros(64, int), np.arange(64) % 8], axis=1)
    codes = np.stack([np.cos(angle), np.sin(angle)], axis=1)[factors[:, 1]]
    # four objects exist, but these points are of the first
    found = probe_factors(
        codes, factors, ["object", "turn"], [4, 8], {"turn": angle}, {"turn": 1}
    )["turn"]
    assert set(found) == {"object_factor", "images"} and found["images"] == pytest.approx(1)


def test_a_table_of_seventy_columns(tmp_path):
    factors = np.random.default_rng(0).integers(2, size=(200, 70))
    np.savez(tmp_path / "c.npz", codes=factors[:, :3] + 0.0, factors=factors)
    scores = evaluate(codes_file=tmp_path / "c.npz", settings="fast", metrics=["mig"])
    assert not scores["failed"] and 0.03 < scores["scores"]["mig"] < 0.06  # 3 of 70 are known


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"factors": TABLE + 0.5}, "must be whole numbers.*0.5 in column 0"),
        ({"factors": np.where(TABLE == 2, np.nan, TABLE)}, "whole numbers.*nan in column 0"),
        ({"factors": np.where(TABLE == 2, np.inf, TABLE)}, "whole numbers.*inf in column 0"),
        ({"factors": np.where(TABLE == 2, -np.inf, TABLE)}, "whole numbers.*-inf in column 0"),
        ({"factors": TABLE.astype(str)}, "no table of whole numbers.*shape"),
        ({"factors": TABLE[:, 0]}, "no table of whole numbers"),
        (
            {"factors": 0 * TABLE},
            "no factor of .* has two values.*2 factors of one value each, in 24 rows",
        ),
        ({"factors": TABLE, "factor_names": ["a"]}, "2 different names"),
        ({"factors": TABLE, "factor_names": ["a", "a:circle"]}, "2 different names"),
        ({"factors": TABLE, "factor_names": ["a", "b:cirle"]}, "bad factor name.*'b:cirle'"),
        ({"factors": TABLE, "factor_names": ["a", "b:circle=0"]}, "bad factor name"),
        ({"factors": TABLE, "factor_names": ["a", ":circle"]}, "bad factor name"),
        ({"factors": TABLE, "factor_names": ["a", "a : circle"]}, "2 different names"),
        ({"factors": TABLE, "circles": [[0, 2]]}, "below 2"),
        ({"factors": TABLE, "circles": [[0, 0]]}, "different numbers"),
        ({"factors": TABLE, "codes": CODES * 1e20}, "too large"),
        ({"factors": TABLE, "codes": CODES + 1j}, "real numbers"),
        ({"factors": TABLE, "codes": CODES.astype(str)}, "real numbers; expected .*received text"),
        ({"factors": TABLE, "codes": CODES.astype(object)}, r"objects.*`codes`.*dtype=float"),
        ({"factors": TABLE, "codes": np.where(CODES > 1, np.nan, CODES)}, "not finite.*in row"),
        ({"factors": TABLE, "codes": CODES[:, 0]}, r"\(24,\)\. codes\[:, None\] makes a column"),
        ({"factors": TABLE, "codes": CODES[:, :0]}, r"one column or more; received \(24, 0\)"),
        ({"factors": TABLE[:0], "codes": CODES[:0]}, r"one row or more.*received \(0, 2\)"),
        ({"factors": TABLE, "codes": 1.0}, r"received \(\)"),
    ],
)
def test_files_that_make_no_sense(tmp_path, arrays, words):
    """Every message names the file: somebody scores many in a loop."""
    with pytest.raises(UserError, match=words) as refused:
        read(tmp_path, **({"codes": CODES} | arrays))
    assert str(tmp_path / "codes.npz") in refused.value.message


def test_arrays_of_other_names_are_listed(tmp_path):
    with pytest.raises(UserError, match=r"codes\.npz has no array `codes`.*`z` \(24, 2\), `y`"):
        read(tmp_path, z=CODES, y=TABLE)
    with pytest.raises(UserError, match="an empty file"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"0.1,0.2\n0.3,0.4\n", "a file of 16 bytes that is no .npz"),
        (b"", "a file of 0 bytes that is no .npz"),
        (None, r"codes\.npz, a folder"),
        ("damaged", "a damaged file"),
    ],
)
def test_what_is_no_npz_at_all(tmp_path, content, words):
    path = tmp_path / "codes.npz"
    if content is None:
        path.mkdir()
    elif content == "damaged":
        np.savez(path, codes=CODES, factors=TABLE)
        whole = bytearray(path.read_bytes())
        whole[200] ^= 255  # in the first array: its checksum is wrong
        path.write_bytes(whole)
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words) as refused:
        code_sources.from_codes(path, None)
    assert str(path) in refused.value.message and "array `codes`" in refused.value.message
    with pytest.raises(UserError, match="which does not exist"):
        code_sources.from_codes(tmp_path / "none.npz", None)


def test_codes_are_no_dataset(tmp_path):
    np.savez(tmp_path / "codes.npz", codes=CODES, factors=TABLE)
    with pytest.raises(UserError, match=r"holds codes.*codes, factors.*evaluate\.py --codes"):
        load(str(tmp_path / "codes.npz"))


@pytest.mark.parametrize("kind", ["zip", "pickle"])
def test_a_file_of_pytorch_says_how_to_save_codes(tmp_path, kind):
    path = tmp_path / "codes.pt"
    if kind == "zip":  # what torch.save writes since 1.6
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("codes/data.pkl", pickle.dumps({}))
            archive.writestr("codes/data/0", b"0" * 64)
    else:
        path.write_bytes(pickle.dumps({}))
    with pytest.raises(UserError, match=r"PyTorch.*numpy\.savez"):
        code_sources.from_codes(path, None)


def test_one_array_alone(tmp_path):
    np.save(tmp_path / "codes.npy", CODES)
    with pytest.raises(UserError, match=r"an \.npy file.*numpy\.savez"):
        code_sources.from_codes(tmp_path / "codes.npy", None)


@pytest.fixture
def gaps(tmp_path):
    path = tmp_path / "gaps.npz"
    np.savez(path, codes=CODES[:-1], factors=TABLE[:-1])
    return path


def test_what_needs_interventions_is_left_out_or_refused(gaps):
    options = {"codes_file": gaps, "settings": "fast", "protocol": "current"}
    scores = evaluate(**options)
    assert "factor_vae_metric" not in scores["scores"] and not scores["failed"]
    assert {"mig", "dci", "sap_score", "irs"} <= scores["scores"].keys()
    assert "left out: factor_vae_metric" in scores["warnings"][0]
    for metric in ("factor_vae_metric", "beta_vae"):
        with pytest.raises(UserError, match=f"{metric} cannot be computed on factors"):
            evaluate(**options, metrics=["mig", metric])
