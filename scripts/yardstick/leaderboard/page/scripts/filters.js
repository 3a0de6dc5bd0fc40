// The chooser: what is asked for, and what that leaves.

const SIZES = [
  ["", "any", 0, Infinity],
  ["tiny", "up to 200 M", 0, 200e6],
  ["small", "200 M to 1 B", 200e6, 1e9],
  ["middle", "1 B to 4 B", 1e9, 4e9],
  ["large", "4 B to 10 B", 4e9, 10e9],
  ["huge", "more than 10 B", 10e9, Infinity],
];

function options(id, values, words = (value) => value) {
  byId(id).replaceChildren(
    element("option", { value: "" }, "any"),
    ...values.map((value) => element("option", { value }, words(value))),
  );
}

function fillFilters() {
  const distinct = (of) => [...new Set(rows.map(of))].sort();
  options(
    "tier",
    distinct((row) => row.tier),
  );
  options(
    "backend",
    distinct((row) => row.backend),
  );
  options("machine", machines);
  const used = SIZES.filter(
    ([name, , least, most]) => name && rows.some((row) => row.parameters > least && row.parameters <= most),
  );
  options(
    "parameters",
    used.map(([name]) => name),
    (value) => SIZES.find(([name]) => name === value)[1],
  );
}

/** What each field asks for: name -> a test of a row; fields that ask for nothing are left out. */
function wishes() {
  const tests = {};
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) tests.search = (row) => words.every((word) => haystack(row).includes(word));
  for (const name of ["tier", "backend", "machine"]) {
    const { value } = byId(name);
    if (value) tests[name] = (row) => row[name] === value;
  }
  const size = SIZES.find(([name]) => name && name === byId("parameters").value);
  if (size) tests.parameters = (row) => row.parameters > size[2] && row.parameters <= size[3];
  for (const [id, { name, keeps }] of Object.entries(LIMITS)) {
    const limit = byId(id).valueAsNumber;
    if (!Number.isNaN(limit)) tests[`limit of ${name}`] = (row) => keeps(row, limit);
  }
  if (byId("unflagged").checked) tests["no flags"] = (row) => row.flags.length === 0;
  return tests;
}

function haystack(row) {
  return [row.model, row.model_entry?.description, row.license, row.machine, row.tier, engineWords(row)]
    .join(" ")
    .toLowerCase();
}

/** Rows that are asked for, in the table's order, and the best trade-offs among them. */
function choose() {
  const tests = wishes();
  const kept = rows.filter((row) => Object.values(tests).every((test) => test(row)));
  const best = bestTradeoffs(kept);
  const visible = sorted(byId("best").checked ? kept.filter((row) => best.has(row)) : kept);
  return { visible, best, tests };
}

function writeOutcome({ visible, tests }) {
  const isAsked = Object.keys(tests).length > 0 || byId("best").checked;
  byId("count").textContent = isAsked
    ? `${visible.length} of ${plural(rows.length, "row")}`
    : plural(rows.length, "row");
  byId("reset").hidden = !isAsked;
  const nothing = byId("nothing");
  nothing.hidden = visible.length > 0 || rows.length === 0;
  if (nothing.hidden) return;
  const lines = Object.entries(tests).map(([name, test]) => {
    const out = rows.filter((row) => !test(row)).length;
    return element("li", {}, `${name} leaves out ${plural(out, "row")}`);
  });
  nothing.replaceChildren(element("p", {}, "Nothing fits all of this:"), element("ul", {}, lines));
}
