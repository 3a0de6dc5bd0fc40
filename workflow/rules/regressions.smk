"""Tell whether the newest results are worse than the earlier ones.

Output: logs/regressions.md, for a job's summary, and a table on the terminal; the run fails when something got worse.
What looks worse is measured once more, under an epoch of its own.
"""


rule regressions:
    """Compare the newest results of this machine with the earlier ones, and measure again what looks worse."""
    log:
        "logs/regressions.md",
    conda:
        "../../envs/transformers.yaml"
    threads: RUN.threads_here
    resources:
        host_slots=100,
    params:
        config=lambda wildcards: RUN.config_file,
    shell:
        "python scripts/find_regressions.py" " --config {params.config:q}" " --threads {threads}" " --report {log:q}"
