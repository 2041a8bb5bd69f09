"""Train a Diffusion VAE and export its representation: `deltavae train` without installing."""

import sys

from deltavae.cli.main import run_command

if __name__ == "__main__":
    sys.exit(run_command("train", sys.argv[1:], "python train.py"))
