"""The library's metrics on numbers of images are the library's metrics on images."""

import multiprocessing

import gin
import numba
import numpy as np
import pytest

from deltavae.errors import UserError
from deltavae.scoring import library_adaptor as adaptor
from deltavae.scoring.boosted_trees.compiled import compiled
from deltavae.scoring.challenge import METRICS, explicitness, run_metric
from deltavae.scoring.draws import DRAWS, IndexedData, TableData, drawn_images
from deltavae.scoring.jobs import Job, run_jobs
from deltavae.scoring.score_specs import CHALLENGE

QUICK = [name for name in METRICS if not name.startswith("downstream")]


def lookup(codes):
    return lambda indices: codes[indices]


@pytest.mark.parametrize("metric", ["factor_vae_metric", "mig", "irs", "beta_vae", "unsupervised"])
def test_same_number_from_codes_made_once_and_from_images_drawn(
    metric, pictures, index, codes, encoder
):
    by_image = run_metric(metric, pictures, encoder, settings="fast", seed=3, reference=True)
    by_index = run_metric(metric, index, lookup(codes), settings="fast", seed=3)
    # batches of another size change the codes' last bits, and nothing else
    assert by_index == pytest.approx(by_image, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("metric", QUICK)
def test_the_images_foreseen_are_the_images_drawn(metric, codes):
    data = IndexedData([7, 9, 11, 13], [0, 1, 3], ["a", "b", "c"])
    many = np.random.default_rng(0).normal(size=(data.num_images, 2)).astype(np.float32)
    asked = np.zeros(data.num_images, bool)

    def represent(indices):
        asked[indices] = True
        return many[indices]

    run_metric(metric, data, represent, settings="fast", seed=5)
    np.testing.assert_array_equal(drawn_images(data, [metric], "fast", [5]), np.flatnonzero(asked))


@pytest.mark.parametrize("metric", ["factor_vae_metric", "dci", "mig", "sap_score"])
def test_perfect_code_high_noise_low_duplicate_punished(metric, index, factor_codes):
    def score(codes):
        result = run_metric(metric, index, lookup(codes), settings="fast")
        return result[METRICS[metric].scores[metric]]

    noise = np.random.default_rng(0).normal(size=(192, 3)).astype(np.float32)
    assert score(factor_codes) > (0.2 if metric == "sap_score" else 0.9)
    assert score(noise) < 0.75 * score(factor_codes)
    if metric in ("mig", "sap_score"):  # a gap to a copy of the best code is none
        assert score(np.concatenate([factor_codes] * 2, axis=1)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("metric", CHALLENGE)
def test_a_constant_code_scores_nothing(metric, index):
    constant = np.ones((192, 4), np.float32)
    result = run_metric(metric, index, lookup(constant), settings="fast")
    assert result[METRICS[metric].scores[metric]] == pytest.approx(0, abs=0.02)


def test_dci_by_our_trees_is_dci_by_scikit_learn(index, factor_codes):
    codes = factor_codes + np.random.default_rng(0).normal(size=(192, 3)).astype(np.float32)
    bindings = {"settings": "fast", "seed": 1}
    ours = run_metric("dci", index, lookup(codes), **bindings)
    theirs = run_metric("dci", index, lookup(codes), reference=True, **bindings)
    for name in ("disentanglement", "completeness", "informativeness_train"):
        assert ours[name] == pytest.approx(theirs[name], abs=0.003)


def test_processes_and_none_give_the_same_bits(index, codes):
    jobs = [Job("exported", name, "current", 0) for name in CHALLENGE]
    columns = {"exported": codes}
    alone = run_jobs(jobs, index, columns, settings="fast", workers=1)
    together = run_jobs(jobs, index, columns, settings="fast", workers=2)
    assert {job: outcome.result for job, outcome in alone.items()} == {
        job: outcome.result for job, outcome in together.items()
    }


def test_a_killed_process_costs_no_metric(index, codes):
    """As the kernel does where memory ends: all that waits is then lost to its pool."""
    jobs = [Job("exported", name, "current", seed) for name in CHALLENGE for seed in (0, 1)]
    killed = []

    def kill(job, outcome):
        if not killed:
            killed.extend(multiprocessing.active_children())
            for process in killed:
                process.kill()

    outcomes = run_jobs(jobs, index, {"exported": codes}, settings="fast", workers=2, done=kill)
    assert killed
    alone = run_jobs(jobs, index, {"exported": codes}, settings="fast", workers=1)
    assert {job: outcome.result for job, outcome in outcomes.items()} == {
        job: outcome.result for job, outcome in alone.items()
    }


def test_a_failing_metric_leaves_the_others(index, codes):
    jobs = [Job("x", name, "current", 0) for name in ("mig", "irs")]
    outcomes = run_jobs(jobs, index, {"x": codes[:, :1]}, settings="fast", workers=1)
    assert "two codes" in outcomes[jobs[0]].error and not outcomes[jobs[1]].error


def test_settings_neither_leak_out_nor_in():
    gin.clear_config()
    gin.parse_config("dci.num_train = 3", skip_unknown=True)
    before = gin.config_str()
    with adaptor.metric_settings("study"):
        assert adaptor.library().gin.query_parameter("dci.num_train") == 10000
        assert gin.config_str() == before
    assert adaptor.library().gin.config_str() == ""
    with pytest.raises(RuntimeError), adaptor.metric_settings("fast"):
        raise RuntimeError
    assert adaptor.library().gin.config_str() == ""
    with pytest.raises(UserError, match="study, fast"), adaptor.metric_settings("slow"):
        pass


def test_without_the_library_the_command_that_brings_it(monkeypatch):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name.startswith("disentanglement_lib"):
                raise ModuleNotFoundError(name, name=name)

    monkeypatch.setattr("sys.meta_path", [Missing(), *__import__("sys").meta_path])
    for name in [n for n in __import__("sys").modules if n.startswith("disentanglement_lib")]:
        monkeypatch.delitem(__import__("sys").modules, name)
    adaptor.library.cache_clear()
    try:
        with pytest.raises(UserError, match="pip install --no-deps disentanglement-lib"):
            adaptor.library()
    finally:
        adaptor.library.cache_clear()


def test_a_table_in_any_order_is_a_grid_and_any_other_is_not(index, codes):
    order = np.random.default_rng(0).permutation(96)
    small = IndexedData([3, 8, 4], [0, 1, 2], ["a", "b", "c"])
    rows = small.factors(np.arange(96))
    table = TableData(10 * rows[order] + 5)
    sorted_codes = codes[:96]
    for metric in ("factor_vae_metric", "mig"):
        one = run_metric(metric, small, lookup(sorted_codes), settings="fast")
        two = run_metric(metric, table, lookup(sorted_codes[order]), settings="fast")
        assert one == two
    holes = TableData(rows[order][:90])
    assert not holes.is_grid
    assert run_metric("mig", holes, lookup(sorted_codes), settings="fast")
    with pytest.raises(UserError, match="every combination"):
        run_metric("factor_vae_metric", holes, lookup(sorted_codes), settings="fast")


def test_every_metric_says_what_it_draws():
    assert set(DRAWS) == set(METRICS)


def test_code_compiles_where_no_cache_can_be_written(monkeypatch):
    real = numba.njit

    def refusing(*arguments, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(*arguments, **options)

    monkeypatch.setattr(numba, "njit", refusing)
    assert compiled(lambda x: x + 1)(1) == 2


@pytest.mark.parametrize(
    "metric",
    "dci dci_forest mig mig_circular sap_score modularity_explicitness infomec mcc".split(),
)
def test_a_factor_that_is_constant_in_the_points_drawn_is_named(metric):
    """Its value number 1 has one image of 30,000, which the draws of `fast` miss."""
    rng = np.random.default_rng(0)
    rare = np.zeros(30000, int)
    rare[29999] = 1
    data = TableData(np.stack([rng.integers(8, size=30000), rare], 1), ["shape", "glare"])
    noise = rng.normal(size=(30000, 4)).astype(np.float32)
    said = "factor glare has one value among the .* points.*number 1, .* 1 of 30,000 images"
    with pytest.raises(UserError, match=said):
        run_metric(metric, data, lookup(noise), settings="fast")


def test_explicitness_of_many_values_compares_each_with_itself():
    """Of Cars3D's 183 objects a thousand points miss some, in training and in test others."""
    data = IndexedData([4, 24, 183], [0, 1, 2], ["elevation", "azimuth", "object"])
    table = data.factors(np.arange(data.num_images))
    # each value by a code of its own: every one of them is told apart from the others
    codes = np.hstack([values[:, None] == np.unique(values) for values in table.T]).astype("f4")
    for seed in (0, 1):
        result = run_metric(
            "modularity_explicitness", data, lookup(codes), settings="fast", seed=seed
        )
        assert result["explicitness_score_test"] == pytest.approx(1, abs=1e-6)


def test_explicitness_is_the_librarys_where_all_values_are_drawn(index, codes):
    options = {"settings": "fast", "seed": 2}
    ours = run_metric("modularity_explicitness", index, lookup(codes), **options)
    theirs = run_metric("modularity_explicitness", index, lookup(codes), reference=True, **options)
    assert ours == theirs


def test_explicitness_of_test_points_with_one_value_is_not_defined():
    code = np.random.default_rng(0).normal(size=(1, 40))
    labels = np.arange(40) % 2
    for value in (0, 7):
        train, test = explicitness(code, labels, code, np.full(40, value))
        assert 0 <= train <= 1 and np.isnan(test)


@pytest.mark.parametrize("kind", ["logistic_regression", "boosted_trees"])
def test_ten_points_of_one_value_cost_no_downstream_accuracy(kind, monkeypatch):
    """Of a factor of nine zeros and a one, a third of all draws of 10 points are zeros alone."""
    table = np.stack([np.arange(400) // 200, np.arange(400) % 10 == 9], 1).astype(int)
    data = TableData(table)
    codes = table + 0.1 * np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    name = f"downstream_{kind}"
    metric = METRICS[name]
    few = "downstream_task.num_train = [10, 100]"  # study has 10, 100, 1000, 10000
    monkeypatch.setitem(METRICS, name, metric._replace(bindings=(*metric.bindings, few)))
    random_state = np.random.RandomState(1)
    assert not data.sample(10, random_state)[0][:, 1].any()
    found = run_metric(name, data, lookup(codes), settings="fast", seed=1)
    assert found["mean_test_accuracy"] == found["100:mean_test_accuracy"] > 0.95
    # the constant's accuracy is the share of its value
    shown = np.concatenate(
        [data.sample(min(16, 500 - i), random_state)[0] for i in range(0, 500, 16)]
    )
    assert found["10:test_accuracy_factor_1"] == np.mean(shown[:, 1] == 0)
    assert found["10:train_accuracy_factor_1"] == 1
