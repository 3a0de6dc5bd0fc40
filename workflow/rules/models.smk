"""Bring model weights into the hub cache, or into an Ollama server. Only this uses the network.

Output: resources/fetched/<model>-<revision>.json, which lists the files and their checksums, or the digest.
"""


rule fetch_model:
    """Fetch one model at its pinned revision or digest."""
    output:
        "resources/fetched/{model}-{revision}.json",
    log:
        "logs/fetch/{model}-{revision}.log",
    conda:
        "../../envs/transformers.yaml"
    resources:
        host_slots=1,
    params:
        config=lambda wildcards: RUN.config_file,
    shell:
        "python scripts/fetch_model.py"
        " --model {wildcards.model:q}"
        " --config {params.config:q}"
        " --output {output:q}"
        " --log {log:q}"


localrules:
    fetch_model,
