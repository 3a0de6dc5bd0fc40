"""Bring model weights into the hub cache. Only this uses the network.

Output: resources/fetched/<model>-<revision>.json, which lists the files and their checksums.
"""


rule fetch_model:
    """Fetch one model at its pinned revision."""
    output:
        "resources/fetched/{model}-{revision}.json",
    log:
        "logs/fetch/{model}-{revision}.log",
    conda:
        "../../envs/transformers.yaml"
    shell:
        "python scripts/fetch_model.py" " --model {wildcards.model:q}" " --output {output:q}" " --log {log:q}"


localrules:
    fetch_model,
