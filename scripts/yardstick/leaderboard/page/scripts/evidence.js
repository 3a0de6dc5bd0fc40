// What a row is made of: all its numbers, the raw observations, and what they were measured in.

function simpleTable(titles, lines) {
  return element(
    "div",
    { class: "scroller", tabindex: "0", role: "region", "aria-label": titles.join(", ") },
    element(
      "table",
      {},
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          titles.map((title) => element("th", { scope: "col" }, title)),
        ),
      ),
      element(
        "tbody",
        {},
        lines.map(([first, ...rest]) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, String(first)),
            rest.map((cell) => element("td", {}, cell instanceof Node ? cell : String(cell))),
          ),
        ),
      ),
    ),
  );
}

function numbersPart(row) {
  const lines = Object.keys(content.definitions)
    .map((name) => [name, valueOf(row, name)])
    .filter(
      ([name, value]) => value !== null && value !== "" && !name.startsWith("environment.") && name !== "description",
    );
  return section(
    "All numbers",
    folded(
      "As in leaderboard.csv, with what each means",
      simpleTable(
        ["Column", "Value", "Meaning"],
        lines.map(([name, value]) => [name, value, content.definitions[name]]),
      ),
    ),
  );
}

/** The value of a CSV column, `latency.p50_s` or `reasoning.interval_low`. */
function valueOf(row, name) {
  const end = /^(.*)_(low|high)$/.exec(name);
  const pick = (path) => path.split(".").reduce((value, key) => value?.[key], row);
  const value = pick(name) ?? (end ? pick(end[1])?.[end[2] === "low" ? 0 : 1] : null);
  if (value === null || value === undefined) return null;
  if (typeof value !== "object") return String(value);
  return Object.keys(value).length
    ? JSON.stringify(value, null, 1)
        .replace(/\s+/g, " ")
        .replace(/^[[{] ?| ?[\]}]$/g, "")
        .replaceAll('"', "")
    : null;
}

function rawPart(row) {
  const { latency, throughput, memory } = row.observed;
  const parts = [];
  if (latency) {
    const more = latency.n > latency.e2e_s.length ? `, the first ${latency.e2e_s.length} of ${latency.n}` : "";
    parts.push(
      folded(
        `${plural(latency.e2e_s.length, "request")}${more}`,
        simpleTable(
          ["Request", "First token (s)", "Whole (s)"],
          latency.e2e_s.map((seconds, at) => [at, latency.ttft_s[at], seconds]),
        ),
      ),
    );
  }
  if (throughput)
    parts.push(
      folded(
        plural(throughput.tokens_per_s.length, "throughput run"),
        simpleTable(
          ["Run", "Tokens/s"],
          throughput.tokens_per_s.map((value, at) => [at, value]),
        ),
      ),
    );
  if (memory)
    parts.push(
      folded(
        "Memory in bytes",
        simpleTable(
          ["What", "Bytes"],
          Object.entries(memory.bytes).map(([name, value]) => [
            name.replace(/_bytes$/, "").replaceAll("_", " "),
            value ?? NOTHING,
          ]),
        ),
      ),
    );
  return parts.length ? section("Raw observations", parts) : null;
}

function folded(title, node) {
  return element("details", { class: "folded" }, element("summary", {}, title), node);
}

function versionWords(versions) {
  return [`python ${versions.python}`, namesWords(versions.packages), namesWords(versions.server ?? {})].filter(
    Boolean,
  );
}

function namesWords(values) {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

function environmentPart(row) {
  const lines = [
    ["Machine", place(row)],
    ...machineLines(row),
    ["Versions", versionWords(row.versions).join(", ")],
    ["Epoch", row.versions.epoch],
    ["Device", row.versions.device ?? row.device],
    ["Engine", namesWords(row.engine ?? {})],
  ];
  const runs = Object.entries(row.observed).map(([metric, { at, run }]) => [
    metric,
    minute(at),
    guardWords(run.guards ?? {}),
    stoppedWords(run.sampling) || NOTHING,
  ]);
  return section(
    "Environment",
    element(
      "dl",
      { class: "environment" },
      lines.filter(([, value]) => value).map(([term, value]) => pair(term, value)),
    ),
    runs.length > 0 &&
      folded("What else the machine did meanwhile", simpleTable(["Metric", "Measured", "Machine", "Sampling"], runs)),
  );
}

function machineLines(row) {
  const facts = content.machines[Object.values(row.observed)[0]?.machine] ?? {};
  return [
    ["Processor", [facts.cpu, facts.cores && plural(facts.cores, "core")].filter(Boolean).join(", ")],
    ["Its memory", facts.memory_bytes && megabytes(facts.memory_bytes / 1e6)],
    ["Accelerators", (facts.accelerators ?? []).join(", ")],
    ["System", [facts.system, facts.architecture].filter(Boolean).join(" ")],
  ];
}

function guardWords(guards) {
  const words = [
    guards.foreign_cores !== undefined && `${digits(guards.foreign_cores)} cores busy with other work`,
    guards.load_before !== undefined && `load ${guards.load_before} to ${guards.load_after}`,
    guards.cpu_mhz_before &&
      guards.cpu_mhz_after &&
      `clock ${digits(guards.cpu_mhz_before)} to ${digits(guards.cpu_mhz_after)} MHz`,
    guards.swapped_bytes !== undefined && `${megabytes(guards.swapped_bytes / 1e6)} swapped`,
    guards.foreign_gpu_processes > 0 &&
      `${plural(guards.foreign_gpu_processes, "other GPU process", "other GPU processes")}`,
  ];
  return words.filter(Boolean).join(", ") || NOTHING;
}
