// All that is known of one row: its tasks and answers, raw numbers, environment, and how to measure it again.

let figures = [];

function writeDetail(row) {
  leaveDetail();
  const view = byId("detail");
  view.dataset.address = address(row ?? { model: "", machine: "", threads: 0 });
  document.title = `${row ? row.model : "Not found"} – Yardstick leaderboard`;
  view.replaceChildren(...(row ? detailParts(row) : missingParts()));
  for (const { node, make, options } of figures) draw(node, make, options);
}

function leaveDetail() {
  for (const { node } of figures) forget(node);
  figures = [];
}

function back() {
  return element("p", { class: "back" }, element("a", { href: "#" }, "← All models"));
}

function missingParts() {
  return [
    back(),
    element("h1", { tabindex: "-1" }, "No such row"),
    element("p", {}, "Nothing is measured under this address now."),
  ];
}

function detailParts(row) {
  return [
    back(),
    headPart(row),
    tilesPart(row),
    flagsPart(row),
    reproducePart(row),
    ...suiteParts(row),
    timesPart(row),
    concurrencyPart(row),
    longTextPart(row),
    historyPart(row),
    numbersPart(row),
    rawPart(row),
    environmentPart(row),
  ].filter(Boolean);
}

function headPart(row) {
  const facts = [
    parameters(row.parameters) + " parameters",
    engineWords(row),
    row.license,
    row.tier,
    sourceWords(row.model_entry.source),
  ];
  const others = rows.filter((other) => other.model === row.model);
  return element(
    "header",
    { class: "head" },
    element("h1", { tabindex: "-1" }, row.model),
    element("p", {}, row.model_entry.description),
    element(
      "ul",
      { class: "facts" },
      facts.filter(Boolean).map((fact) => element("li", {}, fact)),
    ),
    (others.length > 1 &&
      element(
        "nav",
        { class: "places", "aria-label": "Measured on" },
        others.map((other) =>
          element("a", { href: address(other), "aria-current": other === row ? "page" : null }, place(other)),
        ),
      )) ||
      element("p", { class: "dim" }, `Measured on ${place(row)}, ${day(row.measured_at)}`),
  );
}

function sourceWords(source) {
  const [kind, name] = Object.entries(source)[0] ?? [];
  if (source.hub) return `${source.hub}${source.file ? ` ${source.file}` : ""} @ ${source.revision.slice(0, 12)}`;
  return kind ? `${kind} ${name}` : "";
}

function tilesPart(row) {
  const two = (value) => value.toFixed(2);
  const tiles = [
    [
      "Score",
      row.reasoning && two(row.reasoning.score),
      row.reasoning && `${bracket(row.reasoning.interval, two)}, ${row.reasoning.solved} of ${row.reasoning.n} tasks`,
      row.rank && `rank ${row.rank}`,
    ],
    [
      "Tokens/s",
      row.throughput && digits(speed(row)),
      row.throughput && `${plusMinus(row.throughput.interval)}, ${plural(row.throughput.n, "run")}`,
      row.speed_rank && `rank ${row.speed_rank} on this machine`,
    ],
    [
      "Latency P50",
      row.latency && (median(row) === null ? row.latency.p50_s : `${digits(median(row))} s`),
      row.latency && `P90 ${shown(row.latency.p90_s)}, ${plural(row.latency.n, "request")}`,
    ],
    [
      "First token",
      row.ttft && (firstToken(row) === null ? row.ttft.p50_s : `${digits(firstToken(row) * 1000)} ms`),
      "median",
    ],
    ["Memory", row.memory && megabytes(growth(row)), row.memory && `${megabytes(needed(row))} at the worst`],
  ];
  return element(
    "dl",
    { class: "tiles" },
    tiles.map(([name, value, ...under]) =>
      element(
        "div",
        {},
        element("dt", {}, name),
        element(
          "dd",
          {},
          element("strong", {}, value || NOTHING),
          value ? under.filter(Boolean).map((line) => element("span", {}, line)) : element("span", {}, "not measured"),
        ),
      ),
    ),
  );
}

function section(title, ...children) {
  return element("section", {}, element("h2", {}, title), children);
}

function flagsPart(row) {
  if (!row.flags.length) return null;
  return section(
    "Flags",
    element(
      "dl",
      { class: "flags" },
      row.flags.map((flag) =>
        element(
          "div",
          {},
          element("dt", {}, element("span", { class: "flag" }, flag)),
          element("dd", {}, `${content.flags[flag]}.`),
        ),
      ),
    ),
  );
}

function reproducePart(row) {
  const command = reproduce(row);
  const copy = element("button", { type: "button", class: "copy" }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command).then(
      () => {
        copy.textContent = "Copied";
      },
      () => getSelection().selectAllChildren(code),
    );
  });
  const code = element("code", {}, command);
  return section(
    "Measure it yourself",
    element("div", { class: "command" }, element("pre", { tabindex: "0" }, code), copy),
    element(
      "p",
      { class: "dim" },
      "A result that is there for a machine and its versions is not measured again; add epoch=again to measure anew.",
    ),
  );
}

function chart(title, make, options) {
  const node = element(
    "figure",
    { class: "plot" },
    element("figcaption", {}, element("h3", {}, title)),
    element("div", { class: "canvas" }),
    element("p", { class: "note" }),
  );
  figures.push({ node, make, options });
  return node;
}

function timesPart(row) {
  const observed = row.observed.latency;
  if (!observed) return null;
  return section(
    "Times of single requests",
    chart("Each request", (width, colours) => rowTimesSpec(row, width, colours), {
      note: stoppedWords(row.latency?.sampling),
      description: `${timesInWords(row, "e2e_s", rows)}. All numbers are below.`,
    }),
  );
}

function stoppedWords(sampling) {
  const why = {
    interval: "the interval was as narrow as asked",
    count: "the most requests were done",
    seconds: "the time was over",
  }[sampling?.stopped_by];
  if (!why) return "";
  const width =
    sampling.relative_interval === null ? "" : ` (± ${digits(100 * sampling.relative_interval)} % of the mean)`;
  return `Sampling stopped because ${why}${width}.`;
}

function concurrencyPart(row) {
  if (!row.concurrency) return null;
  const { levels, best_in_flight: most, best_tokens_per_s: rate } = row.concurrency;
  const table = simpleTable(
    ["At once", "Tokens/s", "Interval", "Median request (s)", "P90 (s)", "First token (s)", "Requests"],
    levels.map((level) => [
      level.in_flight,
      digits(level.tokens_per_s),
      bracket(level.interval) || NOTHING,
      shown(level.e2e_p50_s),
      shown(level.e2e_p90_s),
      shown(level.ttft_p50_s),
      level.n,
    ]),
  );
  const drawn = (field) => (width, colours) => concurrencySpec(levels, field, width, colours);
  return section(
    "Several requests at once",
    element(
      "div",
      { class: "pair" },
      chart("Tokens/s of all together", drawn("tokens_per_s"), {
        note: `Most with ${plural(most, "request")} at once: ${digits(rate)} tokens/s.`,
        description: `Tokens per second by requests at once; the numbers are in the table below.`,
      }),
      chart("Median time of a request (s)", drawn("e2e_p50_s"), {
        description: `Median seconds of a request by requests at once; the numbers are in the table below.`,
      }),
    ),
    table,
  );
}

function longTextPart(row) {
  if (!row.long_text) return null;
  const { levels, longest_prompt_tokens: longest, prefill_tokens_per_s: rate } = row.long_text;
  const table = simpleTable(
    ["Prompt (tokens)", "First token (ms)", "Prompt tokens/s", "Interval", "Then (ms/token)", "Peak memory (MB)", "Requests"],
    levels.map((level) => [
      Math.round(level.prompt_tokens),
      digits(level.ttft_s * 1000),
      digits(level.prefill_tokens_per_s),
      bracket(level.interval) || NOTHING,
      level.tpot_s === null ? NOTHING : digits(level.tpot_s * 1000),
      level.peak_mb === null ? NOTHING : digits(level.peak_mb),
      level.n,
    ]),
  );
  const drawn = (field, scale) => (width, colours) => lengthSpec(levels, field, scale, width, colours);
  return section(
    "Long text",
    element(
      "div",
      { class: "pair" },
      chart("First token after a prompt (ms)", drawn("ttft_s", 1000), {
        note: `${Math.round(longest)} tokens are read at ${digits(rate)} tokens/s. ${slopeWords(row.long_text)}`,
        description: "Milliseconds to the first token by tokens of the prompt; the numbers are in the table below.",
      }),
      chart("Time per new token after it (ms)", drawn("tpot_s", 1000), {
        note: paceWords(row.long_text),
        description: "Milliseconds per new token by tokens of the prompt; the numbers are in the table below.",
      }),
    ),
    table,
  );
}

function slopeWords({ mb_per_1k_tokens: slope, mb_per_1k_tokens_interval: interval }) {
  if (slope === null) return "";
  return `Memory grows by ${digits(slope)} MB ${bracket(interval)} per 1,000 tokens.`;
}

function paceWords({ generated_tokens: tokens, generation_tokens_per_s: rate, generation_slowdown: slowdown }) {
  const pace = slowdown === null ? "" : `; its last quarter takes ${digits(slowdown)} times as long as its first`;
  return `An answer of ${Math.round(tokens)} tokens comes at ${digits(rate)} tokens/s${pace}.`;
}

function historyPart(row) {
  const own = (content.history[row.model] ?? []).filter((series) =>
    series.metric in content.suites
      ? series.machine === suiteScore(row, series.metric)?.machine
      : series.machine === row.machine && series.threads === row.threads,
  );
  if (!own.length) return null;
  return section("Over time", element("div", { class: "pair" }, own.map(historyChart)));
}

function historyChart(series) {
  const { title } = FOLLOWED[series.metric];
  const values = series.points.map(([at, value]) => `${day(at)} ${digits(value)}`);
  return chart(title, (width, colours) => historySpec(series, width, colours), {
    note: `${plural(values.length, "result")}, newest ${day(series.points.at(-1)[0])}`,
    description: `${title} over time: ${values.join("; ")}.`,
  });
}
