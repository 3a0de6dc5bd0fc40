// Which rows are worth running. `snakemake --cores 1 recommend` chooses in the same way.

// What a limit is held against: the memory that a model needs at its worst, and a typical request.
const needed = (row) => row.memory?.needed_mb ?? null;
const typical = (row) => median(row) ?? row.latency?.mean_s ?? null;

// A row without the number that a limit is about is not known to keep it, and falls out.
const LIMITS = {
  memory_gb: { name: "memory", keeps: (row, most) => needed(row) !== null && needed(row) <= most * 1000 },
  min_reasoning: { name: "score", keeps: (row, least) => score(row) !== null && score(row) >= least },
  min_tokens_per_s: { name: "speed", keeps: (row, least) => speed(row) !== null && speed(row) >= least },
  max_latency_s: { name: "latency", keeps: (row, most) => typical(row) !== null && typical(row) <= most },
};

/** Rows that no other row beats: as good in score, tokens/s and memory, and better in one of them. */
function bestTradeoffs(among) {
  const measured = among.filter((row) => score(row) !== null && speed(row) !== null && needed(row) !== null);
  const gains = (row) => [score(row), speed(row), -needed(row)];
  return new Set(measured.filter((row) => !measured.some((other) => beats(gains(other), gains(row)))));
}

/** The line of rows that no other row beats in score and tokens/s, from the slowest to the fastest. */
function front(among) {
  const gains = (row) => [score(row), speed(row)];
  const drawn = among.filter((row) => score(row) !== null && speed(row) !== null);
  return drawn
    .filter((row) => !drawn.some((other) => beats(gains(other), gains(row))))
    .sort((a, b) => speed(a) - speed(b));
}

function beats(a, b) {
  return a.every((gain, at) => gain >= b[at]) && a.some((gain, at) => gain > b[at]);
}
