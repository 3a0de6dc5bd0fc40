// The table: sorted by any column, each row with a link to all that is known of it.

const COLUMNS = [
  {
    id: "rank",
    title: "#",
    words: "# Rank",
    value: (row) => row.rank,
    cell: (row) => String(row.rank ?? NOTHING),
    first: 1,
  },
  { id: "model", title: "Model", value: (row) => row.model, cell: modelCell, first: 1, text: true },
  { id: "score", title: "Score", value: score, cell: (row) => scoreCell(row.reasoning), first: -1 },
  ...otherSuites.map(([name, { title }]) => ({
    id: "score",
    title,
    value: (row) => row.suites[name]?.score ?? null,
    cell: (row) => scoreCell(row.suites[name]),
    first: -1,
  })),
  { id: "speed", title: "Tokens/s", value: speed, cell: speedCell, first: -1 },
  {
    id: "memory",
    title: "Memory",
    unit: "MB",
    words: "Memory in megabytes",
    value: growth,
    cell: memoryCell,
    first: 1,
  },
  {
    id: "p50",
    title: "P50",
    unit: "s",
    words: "P50, the median latency in seconds",
    value: median,
    cell: medianCell,
    first: 1,
  },
  {
    id: "p90",
    title: "P90",
    unit: "s",
    words: "P90, the 90th percentile of latency in seconds",
    value: slowest,
    cell: (row) => numberOrReason(row.latency?.p90_s),
    first: 1,
  },
  {
    id: "ttft",
    title: "TTFT",
    unit: "ms",
    words: "TTFT, the time to the first token in milliseconds",
    value: firstToken,
    cell: (row) => numberOrReason(row.ttft?.p50_s, 1000),
    first: 1,
  },
  {
    id: "parameters",
    title: "Params",
    words: "Params, the number of parameters",
    value: (row) => row.parameters,
    cell: (row) => parameters(row.parameters),
    first: 1,
  },
  { id: "machine", title: "Machine", value: place, cell: (row) => place(row), first: 1, text: true },
];

const sorting = { column: COLUMNS[0], direction: 1 };

function modelCell(row) {
  return [
    element("a", { href: address(row), class: "name" }, row.model),
    flagMarks(row),
    element("span", { class: "under" }, engineWords(row, devices.size > 1)),
  ];
}

function flagMarks(row) {
  return row.flags.map((flag) =>
    explain(
      element("button", { type: "button", class: "flag", "aria-label": `${flag}: ${content.flags[flag]}` }, flag),
      [flag, content.flags[flag]],
    ),
  );
}

function scoreCell(part) {
  if (!part) return NOTHING;
  const write = (value) => value.toFixed(2);
  return [
    element("span", { class: "value" }, write(part.score)),
    intervalMark(part),
    element("span", { class: "under" }, bracket(part.interval, write)),
  ];
}

/** A score and its interval on a line from 0 to 1. */
function intervalMark({ score: at, interval: [low, high] }) {
  const x = (share) => 4 + 52 * share;
  return graphic(
    "svg",
    { class: "interval", viewBox: "0 0 60 10", width: 60, height: 10, "aria-hidden": "true" },
    graphic("line", { x1: x(0), x2: x(1), y1: 5, y2: 5, class: "scale" }),
    graphic("line", { x1: x(low), x2: x(high), y1: 5, y2: 5, class: "range" }),
    graphic("circle", { cx: x(at), cy: 5, r: 3 }),
  );
}

function speedCell(row) {
  if (!row.throughput) return NOTHING;
  return withUnder(digits(speed(row)), plusMinus(row.throughput.interval));
}

function memoryCell(row) {
  return row.memory ? digits(growth(row)) : NOTHING;
}

function medianCell(row) {
  if (!row.latency) return NOTHING;
  if (median(row) === null) return numberOrReason(row.latency.p50_s);
  return withUnder(digits(median(row)), bracket(row.latency.p50_interval));
}

function withUnder(value, under) {
  return [element("span", { class: "value" }, value), under && element("span", { class: "under" }, under)];
}

/** A number, or why there is none, which is a mark that explains itself. */
function numberOrReason(value, factor = 1) {
  const found = typeof value === "string" && /^n\/a \((\d+)<(\d+)\)$/.exec(value);
  if (!found) return shown(value, factor);
  const why = `${found[1]} requests, where ${found[2]} are needed to claim this percentile`;
  return explain(element("button", { type: "button", class: "reason", "aria-label": `n/a: ${why}` }, "n/a"), [
    value,
    why,
  ]);
}

function writeHead() {
  const cells = COLUMNS.map((column) => {
    const isSorted = column === sorting.column;
    const order = isSorted && (sorting.direction === 1 ? "ascending" : "descending");
    const button = element(
      "button",
      { type: "button", "aria-label": column.words },
      column.title,
      column.unit && element("span", { class: "dim" }, column.unit),
      element("span", { class: "arrow", "aria-hidden": "true" }),
    );
    button.addEventListener("click", () => sortBy(column));
    return element(
      "th",
      { scope: "col", class: `${column.id}${column.text ? "" : " number"}`, "aria-sort": order },
      button,
    );
  });
  byId("rows").tHead.replaceChildren(element("tr", {}, cells));
}

function sortBy(column) {
  sorting.direction = column === sorting.column ? -sorting.direction : column.first;
  sorting.column = column;
  const heads = byId("rows").tHead.rows[0].cells;
  COLUMNS.forEach((other, at) => {
    if (other === column) heads[at].setAttribute("aria-sort", sorting.direction === 1 ? "ascending" : "descending");
    else heads[at].removeAttribute("aria-sort");
  });
  show();
}

function sorted(some) {
  const { column, direction } = sorting;
  return [...some].sort((a, b) => compare(column.value(a), column.value(b), direction) || a.place - b.place);
}

function writeRows(visible, best) {
  const lines = visible.map((row) =>
    element(
      "tr",
      { class: best.has(row) ? "best" : null },
      COLUMNS.map((column) => {
        const isName = column.id === "model";
        return element(
          isName ? "th" : "td",
          { scope: isName ? "row" : null, class: `${column.id}${column.text ? "" : " number"}` },
          column.cell(row),
        );
      }),
    ),
  );
  byId("rows").tBodies[0].replaceChildren(...lines);
}
