// What is on the screen: the board with table and charts, or all that is known of one row.

let latencyField = "e2e_s";
let scrolled = 0;

function show() {
  const chosen = choose();
  writeRows(chosen.visible, chosen.best);
  writeOutcome(chosen);
  plotTradeoffs(byId("tradeoff"), chosen.visible);
  plotLatency(byId("latency"), chosen.visible, latencyField);
  plotMemory(byId("memory"), chosen.visible);
}

function writeSummary() {
  const models = new Set(rows.map((row) => row.model)).size;
  const newest = rows
    .map((row) => row.measured_at)
    .sort()
    .at(-1);
  byId("summary").textContent = rows.length
    ? [
        `${plural(models, "model")} on ${plural(machines.length, "machine")}:`,
        "quality, speed and memory of the same weights on the same hardware.",
        `Newest result ${day(newest)}.`,
      ].join(" ")
    : "There are no results yet. Get the first with: snakemake --cores 1 ci_safe";
}

const MEANINGS = [
  ["#", "rank by score. Rows that the data cannot tell apart share a rank; with few tasks that is many of them."],
  ["Score", "share of the reasoning tasks solved, with its 95 % Wilson interval."],
  [
    "Tokens/s",
    "new tokens by wall time, one request after another: the mean of independent runs with its 95 % interval.",
  ],
  [
    "Memory",
    "growth of the process over loading, in MB (1e6 bytes). The limit is held against what is needed at the worst.",
  ],
  [
    "P50, P90",
    "time of whole requests, from the start to the last new token; n/a where the sample is too small to claim it.",
  ],
  ["TTFT", "time to the first new token, the median."],
  ["Machine ×N", "what was measured on, with N threads."],
  ["Shaded", "best trade-offs: no other row shown is as good in score, tokens/s and memory at once."],
];

function suiteMeanings() {
  const ranked = Object.values(content.suites).filter((suite) => suite.is_ranked);
  return [
    ...otherSuites.map(([, { title, description }]) => [title, `share solved, with its 95 % interval. ${description}`]),
    ...(otherSuites.length ? [["Rank over", ranked.map((suite) => suite.title).join(", ") || "nothing yet"]] : []),
  ];
}

function writeLegend() {
  const flags = Object.entries(content.flags).filter(([flag]) => rows.some((row) => row.flags.includes(flag)));
  const entries = [...MEANINGS.slice(0, 2), ...suiteMeanings(), ...MEANINGS.slice(2), ...flags.map(([flag, text]) => [element("span", { class: "flag" }, flag), text])];
  byId("meanings").replaceChildren(
    ...entries.map(([term, text]) => element("div", {}, element("dt", {}, term), element("dd", {}, text))),
  );
}

function writeAbsent() {
  const parts = [];
  if (content.not_measured.length) {
    const lines = content.not_measured.map(({ model, tier, reason }) =>
      element("li", {}, element("strong", {}, model), ` (${tier}): ${reason}`),
    );
    parts.push(element("h2", {}, "Models without results"), element("ul", {}, lines));
  }
  if (content.unread.length) {
    const lines = content.unread.map(({ file, reason }) => element("li", {}, element("code", {}, file), `: ${reason}`));
    parts.push(element("h2", {}, "Files that were not read"), element("ul", {}, lines));
  }
  byId("absent").replaceChildren(...parts);
  byId("absent").hidden = parts.length === 0;
}

function go(hash) {
  location.hash = hash;
}

/** The row that the address names, null for none of them, undefined for the board. */
function addressed() {
  if (!location.hash.startsWith("#/model/")) return undefined;
  let parts;
  try {
    parts = location.hash.slice(8).split("/").map(decodeURIComponent);
  } catch {
    return null;
  }
  const [model, machine, threads] = parts;
  const fits = (row) =>
    row.model === model &&
    (machine === undefined || row.machine === machine) &&
    (threads === undefined || String(row.threads ?? 0) === threads);
  return rows.find(fits) ?? null;
}

function route() {
  tooltip.hide();
  const row = addressed();
  const wasBoard = !byId("board").hidden;
  if (row === undefined) {
    if (!wasBoard) showBoard();
    return;
  }
  if (wasBoard) scrolled = window.scrollY;
  byId("board").hidden = true;
  byId("detail").hidden = false;
  writeDetail(row);
  window.scrollTo(0, 0);
  byId("detail").querySelector("h1").focus({ preventScroll: true });
}

function showBoard() {
  const left = byId("detail").dataset.address;
  leaveDetail();
  byId("detail").hidden = true;
  byId("board").hidden = false;
  document.title = "Yardstick leaderboard";
  show();
  window.scrollTo(0, scrolled);
  const link = [...document.querySelectorAll("#rows a.name")].find((anchor) => anchor.getAttribute("href") === left);
  link?.focus({ preventScroll: true });
}

function start() {
  history.scrollRestoration = "manual";
  if (matchMedia("(max-width: 60rem)").matches) byId("more").open = false;
  fillFilters();
  writeSummary();
  writeHead();
  writeLegend();
  writeAbsent();
  startOutlook();
  byId("filters").addEventListener("input", show);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () =>
    setTimeout(() => {
      show();
      byId("search").focus();
    }),
  );
  for (const button of document.querySelectorAll("#latency .switch button")) {
    button.addEventListener("click", () => {
      latencyField = button.dataset.field;
      for (const other of button.parentNode.children) other.setAttribute("aria-pressed", String(other === button));
      show();
    });
  }
  window.addEventListener("hashchange", route);
  if (addressed() === undefined) showBoard();
  else route();
}

start();
