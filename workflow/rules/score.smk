"""Score answers that are there: no model runs.

Input: a shard of answers. Output: a shard of scores beside it.
"""


rule score_suite:
    """Score one model's answers to a suite, by the suite's own scorer."""
    input:
        scored_answers,
    output:
        f"results/metric={{suite}}/{SHARD}",
    log:
        f"logs/{{suite}}/{LOG}",
    conda:
        "../../envs/transformers.yaml"
    resources:
        host_slots=1,
    shell:
        "python scripts/score_suite.py" " --answers {input:q}" " --output {output:q}" " --log {log:q}"


localrules:
    score_suite,
