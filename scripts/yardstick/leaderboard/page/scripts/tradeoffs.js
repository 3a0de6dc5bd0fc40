// Quality against speed, with memory as area, and the front of what nothing beats.

const MOST_NAMES = 7;

function plotTradeoffs(figure, visible) {
  const drawn = visible.filter((row) => score(row) !== null && speed(row) !== null);
  const best = bestTradeoffs(visible);
  const line = front(visible);
  const points = drawn.map((row) => tradeoffPoint(row, best, line, visible));
  const left = visible.length - drawn.length;
  draw(figure, points.length ? (width, colours) => tradeoffSpec(points, width, colours) : null, {
    note: [
      "The line joins what nothing beats in both.",
      "Filled is what nothing beats when memory counts too; area is memory.",
      new Set(drawn.map((row) => row.machine)).size > 1
        ? "Several machines are shown: choose one to compare like with like."
        : "",
      left ? `${plural(left, "row")} without score or tokens/s not drawn.` : "",
    ]
      .filter(Boolean)
      .join(" "),
    description: `Score against tokens per second of ${plural(drawn.length, "row")}. On the front, from the slowest: ${
      line.map((row) => `${label(row, visible)} with ${digits(score(row))} at ${digits(speed(row))}`).join("; ") ||
      "none"
    }.`,
    pick: (point) => point.address && go(point.address),
  });
}

function tradeoffPoint(row, best, line, visible) {
  const at = line.indexOf(row);
  const memory = growth(row);
  return {
    score: score(row),
    low: row.reasoning.interval[0],
    high: row.reasoning.interval[1],
    speed: speed(row),
    memory: memory ?? 0,
    best: best.has(row),
    order: at,
    name: at >= 0 ? label(row, visible) : "",
    address: address(row),
    lines: [
      label(row, visible),
      `score ${row.reasoning.score.toFixed(2)} ${bracket(row.reasoning.interval, (value) => value.toFixed(2))}`,
      `${digits(speed(row))} ${plusMinus(row.throughput.interval)} tokens/s`,
      memory === null ? "memory not measured" : `memory ${megabytes(memory)}`,
      place(row),
    ],
  };
}

function tradeoffSpec(points, width, { ink, muted, panel, accent }) {
  const line = points.filter((point) => point.order >= 0).sort((a, b) => a.order - b.order);
  const x = {
    field: "speed",
    type: "quantitative",
    title: "tokens per second",
    ...scaleOf(
      points.map((point) => point.speed),
      width,
      1.25,
    ),
  };
  const y = {
    type: "quantitative",
    scale: { domain: [0, 1] },
    title: "score",
    axis: { tickCount: 5, format: ".1f" },
  };
  const size = {
    field: "memory",
    type: "quantitative",
    scale: { type: "linear", domain: [0, Math.max(...points.map((point) => point.memory), 1)], range: [40, 620] },
    legend: null,
  };
  const layers = [
    {
      data: { values: line },
      mark: { type: "line", color: accent, strokeWidth: 1.5, opacity: 0.7 },
      encoding: { x, y: { field: "score", ...y }, order: { field: "order" } },
    },
    {
      mark: { type: "point", strokeWidth: 1.5, cursor: "pointer" },
      encoding: {
        x,
        y: { field: "score", ...y },
        size,
        stroke: { condition: { test: "datum.best", value: accent }, value: muted },
        fill: { condition: { test: "datum.best", value: accent }, value: panel },
        fillOpacity: { condition: { test: "datum.best", value: 0.55 }, value: 0.6 },
        tooltip: LINES,
        order: { field: "memory", sort: "descending" },
      },
    },
    {
      data: { values: placedNames(line, width, (value) => shareOf(value, x.scale)) },
      mark: {
        type: "text",
        fontSize: 12,
        color: ink,
        stroke: panel,
        strokeWidth: 3,
        strokeJoin: "round",
        limit: width < NARROW ? 130 : 210,
        baseline: "bottom",
        dy: { expr: "-3 - sqrt(40 + 580 * datum.memory / datum.most) / 2" },
        align: { expr: "datum.align" },
        dx: { expr: "datum.shift" },
      },
      encoding: { x, y: { field: "score", ...y }, text: { field: "name" } },
    },
  ];
  if (points.length <= 30) {
    layers.unshift({
      mark: { type: "rule", color: muted, opacity: 0.35 },
      encoding: { x, y: { field: "low", ...y }, y2: { field: "high" } },
    });
  }
  return { width, height: width < NARROW ? 300 : 450, data: { values: points }, layer: layers };
}

/** Names for some points of the front: its ends and as many between as there is room for. */
function placedNames(line, width, share) {
  const most = Math.min(MOST_NAMES, Math.max(2, Math.floor(width / 150)));
  const step = Math.max(1, (line.length - 1) / (most - 1));
  const chosen = new Set(Array.from({ length: most }, (_, at) => Math.round(at * step)));
  const greatest = Math.max(...line.map((point) => point.memory), 1);
  return line
    .filter((_, at) => chosen.has(at))
    .map((point) => {
      const isRight = share(point.speed) > 0.5;
      return { ...point, most: greatest, align: isRight ? "right" : "left", shift: isRight ? 6 : -6 };
    });
}
