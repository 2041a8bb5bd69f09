"""Score a representation: the challenge's five metrics, and what they cannot see."""

import sys

from absl import flags

from deltavae.cli.flags import run

FIVE = ("factor_vae_metric", "dci", "mig", "sap_score", "irs")

flags.DEFINE_string("run_dir", None, "Score a run's folder; default: the platform's run.")
flags.DEFINE_string("representation", None, "Or the folder of an exported module.")
flags.DEFINE_string("codes", None, "Or an .npz file: `codes` (n, k), one row an image.")
flags.DEFINE_string("dataset", None, "Data set; default: the one that the run or module names.")
flags.DEFINE_list("metrics", list(FIVE), "Metrics by commas, or all (docs/scores.md).")
flags.DEFINE_enum("protocol", "both", ["both", "current", "challenge2019"], "Whose DCI and SAP.")
flags.DEFINE_enum("settings", "study", ["study", "fast"], "How many points the metrics draw.")
flags.DEFINE_list("readouts", [], "Score under each of embedding, aligned, ica, angles.")
flags.DEFINE_string("output_dir", None, "Where to write; default: the run's folder, if any.")
flags.DEFINE_integer("jobs", None, "Processes; default: one a core, and one for fast settings.")
flags.DEFINE_integer("seed", 0, "Seed of the metrics' random draws.")
flags.DEFINE_integer("seeds", 1, "Repeat with this many seeds; print mean and deviation.")
flags.DEFINE_bool("reference", False, "disentanglement_lib's own code only: takes an hour.")
flags.DEFINE_list("compare", [], "Print these scored runs side by side; more may follow.")
flags.DEFINE_bool("udr", False, "With --compare: the unsupervised ranking as well.")
flags.DEFINE_bool("report", True, "Write the run's report.html too, unless --output_dir is given.")
FLAGS = flags.FLAGS


def main(arguments: list[str]) -> int:
    """Decide nothing: hand the flags to `deltavae.cli.evaluate.evaluate_command`."""
    if len(arguments) > 1 and not FLAGS.compare:
        sys.stderr.write(f"error: unknown argument {arguments[1]}; --help lists the flags\n")
        return 2
    from deltavae.cli.evaluate import evaluate_command

    return evaluate_command(
        compare=FLAGS.compare + arguments[1:],
        udr=FLAGS.udr,
        report=FLAGS.report,
        run_dir=FLAGS.run_dir,
        representation=FLAGS.representation,
        codes_file=FLAGS.codes,
        data=FLAGS.dataset,
        metrics=FLAGS.metrics,
        protocol=FLAGS.protocol,
        settings=FLAGS.settings,
        readouts=FLAGS.readouts,
        output_dir=FLAGS.output_dir,
        jobs=FLAGS.jobs,
        seed=FLAGS.seed,
        seeds=FLAGS.seeds,
        reference=FLAGS.reference,
    )


if __name__ == "__main__":
    run(main)
