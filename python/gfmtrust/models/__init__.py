"""The model families: each is one file in `families` and one line in FAMILIES. Importing this
package does not load torch."""

from __future__ import annotations

from importlib import import_module

from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models import config_keys
from gfmtrust.models.family import Family

FAMILIES = {
    "gpn": "gfmtrust.models.families.gpn",
    "phylogpn": "gfmtrust.models.families.phylogpn",
    "nt_v1": "gfmtrust.models.families.nt_v1",
    "generator": "gfmtrust.models.families.generator",
    "carbon": "gfmtrust.models.families.carbon",
    "grover": "gfmtrust.models.families.grover",
    "dnabert2": "gfmtrust.models.families.dnabert2",
    "gena_bert": "gfmtrust.models.families.gena_bert",
    "moderngena": "gfmtrust.models.families.moderngena",
    "nt_v2": "gfmtrust.models.families.nt_v2",
    "ntv3": "gfmtrust.models.families.ntv3",
    "mistral": "gfmtrust.models.families.mistral",
    "hyenadna": "gfmtrust.models.families.hyenadna",
    "marindna": "gfmtrust.models.families.marindna",
    "recurrent": "gfmtrust.models.families.recurrent",
    "mamba": "gfmtrust.models.families.mamba",
    "mamba2": "gfmtrust.models.families.mamba2",
    "caduceus": "gfmtrust.models.families.caduceus",
}
"""Registry name -> the module that defines FAMILY. The table is explicit, so that a failed import
raises an import error and is not mistaken for an unknown family."""


def family(name: str) -> Family:
    """Return the family of that name; this imports torch. Raises ConfigurationError (78) for a name
    that is not in the registry."""
    if name not in FAMILIES:
        raise ConfigurationError(
            message(f"family {name}", "unknown", f"one of {', '.join(FAMILIES)}")
        )
    return import_module(FAMILIES[name]).FAMILY


def family_of(config: dict) -> Family:
    """Return the family that reads a config.json. It is chosen by the model_type
    (`config_keys.with_type`) and, where several networks share a model_type, by each family's
    `reads`.

    Raises ConfigurationError (78) where no family reads the file, for a mixture of experts and for
    quantised weights.
    """
    config = config_keys.with_type(config)
    config_keys.refuse_foreign(config)
    model_type = config.get("model_type")
    of_type = [one for one in map(family, FAMILIES) if model_type in one.model_types]
    for one in of_type:
        if one.reads(config):
            return one
    model_types = sorted({kind for name in FAMILIES for kind in family(name).model_types})
    observed = f"model_type is {model_type!r}" if model_type is not None else "no model_type"
    if of_type:
        observed += f", and {' and '.join(one.name for one in of_type)} cannot read such a one"
    elif config.get("auto_map"):
        observed += ", a network of the repository's own code, which is never run"
    classes = config_keys.classes_of(config)
    remedy = f"auto_map names {', '.join(classes)}" if classes else ""
    raise ConfigurationError(
        message("config.json", observed, f"one of {', '.join(model_types)}", remedy)
    )
