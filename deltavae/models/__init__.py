"""The ΔVAE: networks, objectives, readouts and the Keras model that ties them."""

READOUTS = (
    "embedding",
    "aligned",
    "ica",
    "angles",
    "principal",
    "angles_active",
    "principal_active",
)
"""Names of the axes that codes can be given along (`deltavae.models.readouts`)."""
