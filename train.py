"""Train a Diffusion VAE and export its representation."""

import sys

from absl import flags

from deltavae.cli.flags import run

flags.DEFINE_multi_string(
    "gin_config",
    [],
    "Gin file; repeat for several. Default: gin/base.gin, or on --resume the saved one.",
)
flags.DEFINE_multi_string("gin_bindings", [], 'Binding that overrides, "train.steps = 1000".')
flags.DEFINE_string("dataset", None, "Data set; default: the gin binding dataset.name.")
flags.DEFINE_string(
    "output_dir",
    None,
    "The run's folder; default: $AICROWD_OUTPUT_PATH/$AICROWD_EVALUATION_NAME, else "
    "./scratch/shared/local.",
)
flags.DEFINE_bool("resume", False, "Continue an interrupted run from its newest checkpoint.")
flags.DEFINE_bool("overwrite", False, "Replace the run that is already in the folder.")
flags.DEFINE_enum(
    "strategy",
    "none",
    ["none", "mirrored", "multi_worker"],
    "Devices to share each batch between: the GPUs of this machine, or TF_CONFIG's workers.",
)
FLAGS = flags.FLAGS


def main(arguments: list[str]) -> int:
    """Parse nothing, decide nothing: hand the flags to `deltavae.cli.train.train_command`."""
    if len(arguments) > 1:
        sys.stderr.write(f"error: unknown argument {arguments[1]}; --help lists the flags\n")
        return 2
    from deltavae.cli.train import train_command

    return train_command(
        files=FLAGS.gin_config,
        bindings=FLAGS.gin_bindings,
        dataset=FLAGS.dataset,
        output_dir=FLAGS.output_dir,
        resume=FLAGS.resume,
        overwrite=FLAGS.overwrite,
        strategy=FLAGS.strategy,
    )


if __name__ == "__main__":
    run(main)
