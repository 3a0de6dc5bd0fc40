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
        "python scripts/measure_machine.py --config {params.config:q} --output {output:q} --log {log:q}"


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


rule predict:
    """Print what models would need and do here, or on a machine of --config ram_gb=32 bandwidth_gb_s=80 vram_gb=24."""
    input:
        profile_unless_typed,
    log:
        "logs/predict.log",
    conda:
        "../../envs/transformers.yaml"
    threads: RUN.threads
    params:
        config=lambda wildcards: RUN.config_file,
    shell:
        "python scripts/predict_models.py --config {params.config:q} --threads {threads} 2> {log:q}"


localrules:
    predict,
    profile_machine,
