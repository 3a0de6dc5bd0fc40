"""Reduce the shards to the leaderboard, tell what is stale, and recommend models.

Output: leaderboard/LEADERBOARD.md, leaderboard.json and leaderboard.csv. Snakemake is shown only a marker, because it
deletes the outputs of a job that fails, and an old leaderboard is better than none.
"""


rule build_leaderboard:
    """Build the leaderboard from all results that are there."""
    input:
        leaderboard_inputs,
    output:
        "resources/runs/leaderboard-{target}-{run}",
    log:
        "logs/leaderboard/{target}-{run}.log",
    conda:
        "../../envs/transformers.yaml"
    resources:
        host_slots=1,
    params:
        config=lambda wildcards: RUN.config_file,
    shell:
        "python scripts/build_leaderboard.py"
        " --config {params.config:q}"
        " --quiet"
        " --marker {output:q}"
        " --log {log:q}"


rule status:
    """Print, for each selected model and metric, whether it is up to date, or wanted and why."""
    log:
        "logs/status.log",
    conda:
        "../../envs/transformers.yaml"
    threads: RUN.threads
    params:
        config=lambda wildcards: RUN.config_file,
    shell:
        "python scripts/show_status.py" " --config {params.config:q}" " --threads {threads}" " 2> {log:q}"


rule recommend:
    """Print the models worth running under limits, for example --config memory_gb=8 min_reasoning=0.5."""
    log:
        "logs/recommend.log",
    conda:
        "../../envs/transformers.yaml"
    params:
        config=lambda wildcards: RUN.config_file,
    shell:
        "python scripts/recommend_models.py --config {params.config:q} 2> {log:q}"


localrules:
    build_leaderboard,
    recommend,
    status,
