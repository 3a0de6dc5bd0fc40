"""Run models: one rule per metric, one fresh process and one shard per job.

Input: the record of the model's download, where it needs one.
Output: results/metric=<metric>/model=<model>/machine=<machine>/<definition>-<environment>.parquet
"""


rule measure_latency:
    """Time single requests of one model, token by token."""
    input:
        fetched_model,
    output:
        f"results/metric=latency/{SHARD}",
    log:
        f"logs/latency/{LOG}",
    conda:
        "../../envs/transformers.yaml"
    threads: RUN.threads
    resources:
        host_slots=RUN.slots(100),
        mem_mb=RUN.memory_mb,
        runtime=RUN.minutes,
        gpu=RUN.gpus,
        slurm_extra="--exclusive",
    params:
        script="scripts/measure_latency.py",
        config=lambda wildcards: RUN.config_file,
    shell:
        "python {params.script}"
        " --model {wildcards.model:q}"
        " --config {params.config:q}"
        " --threads {threads}"
        " --output {output:q}"
        " --log {log:q}"


use rule measure_latency as measure_throughput with:
    output:
        f"results/metric=throughput/{SHARD}",
    log:
        f"logs/throughput/{LOG}",
    params:
        script="scripts/measure_throughput.py",
        config=lambda wildcards: RUN.config_file,


use rule measure_latency as measure_memory with:
    output:
        f"results/metric=memory/{SHARD}",
    log:
        f"logs/memory/{LOG}",
    params:
        script="scripts/measure_memory.py",
        config=lambda wildcards: RUN.config_file,


use rule measure_latency as measure_concurrency with:
    output:
        f"results/metric=concurrency/{SHARD}",
    log:
        f"logs/concurrency/{LOG}",
    params:
        script="scripts/measure_concurrency.py",
        config=lambda wildcards: RUN.config_file,


use rule measure_latency as measure_long_text with:
    output:
        f"results/metric=long_text/{SHARD}",
    log:
        f"logs/long_text/{LOG}",
    params:
        script="scripts/measure_long_text.py",
        config=lambda wildcards: RUN.config_file,


use rule measure_latency as answer_suite with:
    output:
        f"results/metric={{suite}}_answers/{SHARD}",
    log:
        f"logs/{{suite}}_answers/{LOG}",
    resources:
        host_slots=RUN.slots(1),
        mem_mb=RUN.memory_mb,
        runtime=RUN.minutes,
        gpu=RUN.gpus,
    params:
        script="scripts/answer_suite.py",
        config=lambda wildcards: RUN.config_file,
