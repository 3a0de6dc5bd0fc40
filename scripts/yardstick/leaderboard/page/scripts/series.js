// Charts of one row: its requests, its history, several requests at once.

const FOLLOWED = {
  ...Object.fromEntries(
    Object.entries(content.suites).map(([name, { title }]) => [
      name,
      { title: name === "reasoning" ? "Score" : title, domain: [0, 1] },
    ]),
  ),
  throughput: { title: "Tokens/s" },
  latency: { title: "Latency, mean (s)" },
  memory: { title: "Memory (MB)" },
};

/** One metric over time on one machine; a band is the 95 % interval. */
function historySpec(series, width, { accent }) {
  const values = series.points.map(([at, value, low, high, environment]) => {
    const versions = content.environments[environment];
    return {
      at,
      value,
      low,
      high,
      lines: [
        minute(at),
        `${digits(value)} ${bracket(low === null ? null : [low, high])}`,
        versions.epoch && `epoch ${versions.epoch}`,
        ...versionWords(versions),
      ].filter(Boolean),
    };
  });
  const { domain } = FOLLOWED[series.metric];
  const x = {
    field: "at",
    type: "temporal",
    title: null,
    axis: { tickCount: width < 360 ? 3 : 5, labelOverlap: true, grid: false },
    scale: { type: "utc" },
  };
  const y = (field) => ({
    field,
    type: "quantitative",
    title: null,
    axis: { tickCount: 4 },
    scale: { domain: domain ?? roomAround(values) },
  });
  return {
    width,
    height: 160,
    data: { values },
    layer: [
      {
        mark: { type: "rule", color: accent, opacity: 0.4, strokeWidth: 2 },
        transform: [{ filter: "isValid(datum.low)" }],
        encoding: { x, y: y("low"), y2: { field: "high" } },
      },
      { mark: { type: "line", color: accent, strokeWidth: 1.5 }, encoding: { x, y: y("value") } },
      {
        mark: { type: "point", color: accent, filled: true, size: 45, opacity: 1 },
        encoding: { x, y: y("value"), tooltip: LINES },
      },
    ],
  };
}

/** A domain of at least a tenth about the values, so that noise does not look like a change. */
function roomAround(values) {
  const ends = values.flatMap(({ value, low, high }) => [value * 0.9, value * 1.1, low ?? value, high ?? value]);
  return [Math.min(...ends), Math.max(...ends)];
}

function concurrencySpec(levels, field, width, { accent }) {
  const values = levels.map((level) => ({
    in_flight: level.in_flight,
    value: typeof level[field] === "number" ? level[field] : null,
    low: field === "tokens_per_s" ? (level.interval?.[0] ?? null) : null,
    high: field === "tokens_per_s" ? (level.interval?.[1] ?? null) : null,
    lines: [
      `${level.in_flight} at once`,
      `${digits(level.tokens_per_s)} ${plusMinus(level.interval)} tokens/s`,
      `median request ${shown(level.e2e_p50_s)} s`,
    ],
  }));
  const x = {
    field: "in_flight",
    type: "ordinal",
    title: "requests at the same moment",
    axis: { labelAngle: 0, grid: false },
  };
  const y = (name) => ({
    field: name,
    type: "quantitative",
    title: null,
    axis: { tickCount: 4 },
    scale: { zero: true },
  });
  return {
    width,
    height: 180,
    data: { values },
    layer: [
      {
        mark: { type: "rule", color: accent, opacity: 0.4, strokeWidth: 2 },
        transform: [{ filter: "isValid(datum.low)" }],
        encoding: { x, y: y("low"), y2: { field: "high" } },
      },
      {
        mark: { type: "line", color: accent, strokeWidth: 1.5 },
        transform: [{ filter: "isValid(datum.value)" }],
        encoding: { x, y: y("value") },
      },
      {
        mark: { type: "point", color: accent, filled: true, size: 45, opacity: 1 },
        transform: [{ filter: "isValid(datum.value)" }],
        encoding: { x, y: y("value"), tooltip: LINES },
      },
    ],
  };
}

/** A quantity by the length of the prompt, which grows by factors. */
function lengthSpec(levels, field, scale, width, { accent }) {
  const values = levels
    .filter((level) => level[field] > 0)
    .map((level) => ({
      tokens: level.prompt_tokens,
      value: level[field] * scale,
      lines: [
        `${Math.round(level.prompt_tokens)} tokens`,
        `first token ${digits(level.ttft_s * 1000)} ms`,
        `${digits(level.prefill_tokens_per_s)} ${plusMinus(level.interval)} prompt tokens/s`,
      ],
    }));
  const tokens = values.map((point) => point.tokens);
  const x = {
    field: "tokens",
    type: "quantitative",
    title: "tokens of the prompt",
    axis: { grid: false, values: tokens, labelOverlap: true },
    scale: { type: "log", domain: [Math.min(...tokens), Math.max(...tokens)], nice: false },
  };
  const y = { field: "value", type: "quantitative", title: null, axis: { tickCount: 4 }, scale: { zero: true } };
  return {
    width,
    height: 180,
    data: { values },
    layer: [
      { mark: { type: "line", color: accent, strokeWidth: 1.5 }, encoding: { x, y } },
      {
        mark: { type: "point", color: accent, filled: true, size: 45, opacity: 1 },
        encoding: { x, y, tooltip: LINES },
      },
    ],
  };
}

/** The times of one row: each request as a tick, one line per kind of time. */
function rowTimesSpec(row, width, colours) {
  const { e2e_s: whole, ttft_s: first } = row.observed.latency;
  const values = [
    ...whole.map((seconds) => ({ kind: "whole request", seconds })),
    ...first.map((seconds) => ({ kind: "first token", seconds })),
  ];
  return {
    width,
    height: 110,
    data: { values },
    mark: { type: "tick", color: colours.accent, opacity: 0.5, thickness: 1.5, size: 22 },
    encoding: {
      x: {
        field: "seconds",
        type: "quantitative",
        title: "seconds",
        ...scaleOf(
          values.map(({ seconds }) => seconds),
          width,
        ),
      },
      y: {
        field: "kind",
        type: "nominal",
        sort: null,
        title: null,
        axis: { labelColor: colours.ink, ticks: false },
      },
    },
  };
}
