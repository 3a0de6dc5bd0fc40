// Latency and memory of the rows that the table shows, one line each.

function plotLatency(figure, visible, field) {
  const words = field === "e2e_s" ? "whole requests" : "first tokens";
  const timed = visible.filter((row) => row.observed.latency);
  const bars = timed.slice(0, MOST_BARS);
  draw(figure, bars.length ? (width, colours) => latencySpec(bars, field, width, colours) : null, {
    note: [
      "Each tick is one request; the bar is their median.",
      field === "e2e_s" ? `Seconds, ${tokenWords(bars)}.` : "Seconds.",
      restWords(timed, bars),
    ]
      .filter(Boolean)
      .join(" "),
    description: `Times of ${words}. ${bars.map((row) => timesInWords(row, field, bars)).join("; ")}.`,
  });
  writeTimes(figure, bars, field);
}

function tokenWords(bars) {
  const counts = [...new Set(bars.map((row) => row.latency?.output_tokens).filter(Boolean))];
  return counts.length === 1 ? `${counts[0]} new tokens` : "new tokens differ";
}

function restWords(all, bars) {
  return all.length > bars.length ? `The first ${bars.length} of ${all.length} rows, in the table's order.` : "";
}

function times(row, field) {
  const sorted = [...row.observed.latency[field]].sort((a, b) => a - b);
  const part = field === "e2e_s" ? row.latency : row.ttft;
  return {
    least: sorted[0],
    middle: part?.p50_s,
    ninth: field === "e2e_s" ? part?.p90_s : null,
    most: sorted.at(-1),
    n: row.observed.latency.n,
  };
}

function timesInWords(row, field, among) {
  const { least, middle, most } = times(row, field);
  return `${label(row, among)}: ${digits(least)} to ${digits(most)} seconds, median ${shown(middle)}`;
}

function writeTimes(figure, bars, field) {
  const old = figure.querySelector("details");
  const table = element(
    "table",
    {},
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        ...["Model", "Least", "P50", ...(field === "e2e_s" ? ["P90"] : []), "Most", "Requests"].map((title) =>
          element("th", { scope: "col" }, title),
        ),
      ),
    ),
    element(
      "tbody",
      {},
      bars.map((row) => {
        const { least, middle, ninth, most, n } = times(row, field);
        const cells = [least, middle, ...(field === "e2e_s" ? [ninth] : []), most];
        return element(
          "tr",
          {},
          element("th", { scope: "row" }, label(row, bars)),
          cells.map((value) => element("td", {}, shown(value))),
          element("td", {}, String(n)),
        );
      }),
    ),
  );
  const details = element(
    "details",
    { open: old?.open },
    element("summary", {}, "As a table"),
    element("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Times as a table" }, table),
  );
  old?.remove();
  if (bars.length) figure.append(details);
}

function latencySpec(bars, field, width, { muted, accent, ink }) {
  const names = bars.map((row) => label(row, bars));
  const ticks = bars.flatMap((row, at) => row.observed.latency[field].map((seconds) => ({ name: names[at], seconds })));
  const medians = bars.map((row, at) => {
    const { least, middle, most, n } = times(row, field);
    const known = typeof middle === "number" ? middle : null;
    return {
      name: names[at],
      seconds: known,
      lines: [names[at], `${digits(least)} to ${digits(most)} s`, `median ${shown(middle)}`, `${n} requests`],
    };
  });
  const x = {
    field: "seconds",
    type: "quantitative",
    title: null,
    ...scaleOf(
      ticks.map((tick) => tick.seconds),
      width,
    ),
  };
  x.axis.orient = "top";
  const y = {
    field: "name",
    type: "nominal",
    sort: null,
    title: null,
    axis: { labelLimit: nameRoom(width), labelColor: ink, ticks: false },
    scale: { domain: names },
  };
  return {
    width,
    height: bandsHeight(bars.length),
    layer: [
      {
        data: { values: ticks },
        mark: { type: "tick", color: muted, opacity: 0.4, thickness: 1, size: 14 },
        encoding: { x, y },
      },
      {
        data: { values: medians.filter(({ seconds }) => seconds !== null) },
        mark: { type: "tick", color: accent, thickness: 3, size: 20 },
        encoding: { x, y, tooltip: LINES },
      },
    ],
  };
}

function nameRoom(width) {
  return width < NARROW ? 140 : 200;
}

function bandsHeight(count) {
  return 30 + 28 * count;
}

function plotMemory(figure, visible) {
  const measured = visible.filter((row) => row.memory);
  const bars = measured.slice(0, MOST_BARS);
  const accelerated = bars.some((row) => row.memory.accelerator_mb);
  draw(figure, bars.length ? (width, colours) => memorySpec(bars, width, colours) : null, {
    note: [
      `The bar is what loading adds to the process${accelerated ? ", darker what is on the accelerator" : ""};`,
      "the tick what is needed at the worst. MB of 1,000,000 bytes.",
      restWords(measured, bars),
    ]
      .filter(Boolean)
      .join(" "),
    description: `Memory. ${bars.map((row) => memoryInWords(row, bars)).join("; ")}.`,
  });
}

function memoryInWords(row, among) {
  return `${label(row, among)}: ${megabytes(growth(row))}, at the worst ${megabytes(needed(row))}`;
}

function memorySpec(bars, width, { ink, accent, soft }) {
  const values = bars.map((row) => {
    const name = label(row, bars);
    const { increment_mb: host, accelerator_mb: card, needed_mb: most, reserved_mb: reserved } = row.memory;
    const lines = [name, `${megabytes(host)} over loading`, `${megabytes(most)} at the worst`];
    if (card) lines.push(`${megabytes(card)} on the accelerator`);
    if (reserved) lines.push(`${megabytes(reserved)} set aside up front`);
    return { name, host, card, most, lines };
  });
  const y = {
    field: "name",
    type: "nominal",
    sort: null,
    title: null,
    axis: { labelLimit: nameRoom(width), labelColor: ink, ticks: false },
    scale: { domain: values.map(({ name }) => name) },
  };
  const x = (field) => ({
    field,
    type: "quantitative",
    title: null,
    axis: { tickCount: 4, orient: "top" },
    scale: { type: "linear", zero: true },
  });
  const bar = (field, colour, size) => ({
    mark: { type: "bar", color: colour, size, cornerRadiusEnd: 2 },
    encoding: { y, x: x(field), tooltip: LINES },
  });
  const layer = [bar("host", soft, 14)];
  if (values.some(({ card }) => card)) layer.push(bar("card", accent, 6));
  layer.push({
    mark: { type: "tick", color: accent, thickness: 2.5, size: 20 },
    encoding: { y, x: x("most"), tooltip: LINES },
  });
  return { width, height: bandsHeight(bars.length), data: { values }, layer };
}
