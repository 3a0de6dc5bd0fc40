"""What bounds inference on this machine, and what models would do on it.

Output: results/metric=machine_profile/model=none/machine=<machine>/<definition>-<environment>.parquet
"""


rule measure_machine:
    """Measure memory, matrices, the cost of small operations and the disk of one machine."""
    output:
        "results/metric=machine_profile/model=none/machine={machine}/{definition}-{environment}.parquet",
    log:
        "logs/machine_profile/{machine}/{definition}-{environment}.log",
    conda:
        "../../envs/transformers.yaml"
    resources:
        host_slots=RUN.slots(100),
        mem_mb=4000,
        runtime=15,
        slurm_extra="--exclusive",
    params:
        config=lambda wildcards: RUN.config_file,
    shell:
        "python scripts/profile_machine.py --config {params.config:q} --output {output:q} --log {log:q}"


rule profile_machine:
    """Print this machine's profile, measured in a minute where it is not there yet."""
    input:
        machine_profile,
    log:
        "logs/profile.log",
    conda:
        "../../envs/transformers.yaml"
    shell:
        "python scripts/show_profile.py {input:q} 2> {log:q}"


localrules:
    profile_machine,
