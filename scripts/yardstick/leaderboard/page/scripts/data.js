// What is measured, as the page was given it.

const content = JSON.parse(byId("content").textContent);
const rows = content.rows;

rows.forEach((row, place) => {
  row.place = place;
  row.model_entry = content.models[row.model];
  row.versions = content.environments[row.environment];
});

const devices = new Set(rows.map((row) => row.device));
const machines = [...new Set(rows.map((row) => row.machine))].sort();

// Name and description of each suite that rows have scores of, beside the main one.
const otherSuites = Object.entries(content.suites).filter(([name]) => name !== "reasoning");

const score = (row) => row.reasoning?.score ?? null;
const speed = (row) => row.throughput?.tokens_per_s ?? null;
const growth = (row) => row.memory?.increment_mb ?? null;
const firstToken = (row) => (typeof row.ttft?.p50_s === "number" ? row.ttft.p50_s : null);
const median = (row) => (typeof row.latency?.p50_s === "number" ? row.latency.p50_s : null);
const slowest = (row) => (typeof row.latency?.p90_s === "number" ? row.latency.p90_s : null);

function place(row) {
  return row.machine + (row.threads ? ` ×${row.threads}` : "");
}

/** Backend, number format and quantisation in a few words, with the kind of device or without. */
function engineWords(row, isWithDevice = true) {
  return [row.backend, row.dtype, row.quantization, isWithDevice && row.device].filter(Boolean).join(" ");
}

/** A name for a row that no other of the given rows has. */
function label(row, among) {
  const isShared = among.some((other) => other !== row && other.model === row.model);
  return isShared ? `${row.model} · ${place(row)}` : row.model;
}

function address(row) {
  return `#/model/${[row.model, row.machine, row.threads ?? 0].map(encodeURIComponent).join("/")}`;
}

function reproduce(row) {
  return `snakemake --cores ${row.threads ?? 1} ${row.tier} --config models=${row.model}`;
}
