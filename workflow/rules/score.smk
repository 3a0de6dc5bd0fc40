"""Score answers that are there: no model runs.

Input: a shard of answers. Output: a shard of scores beside it.
"""


rule score_reasoning:
    """Score one model's answers by keywords."""
    input:
        scored_answers,
    output:
        f"results/metric=reasoning/{SHARD}",
    log:
        f"logs/reasoning/{LOG}",
    conda:
        "../../envs/transformers.yaml"
    resources:
        host_slots=1,
    shell:
        "python scripts/score_reasoning.py" " --answers {input:q}" " --output {output:q}" " --log {log:q}"


localrules:
    score_reasoning,
