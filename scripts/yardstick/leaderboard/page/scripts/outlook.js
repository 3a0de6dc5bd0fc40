// What the models would need and do: on a machine with a profile, or on one whose numbers are typed in.

const outlook = content.outlook;
const FITS = new Map([
  [true, "fits"],
  [false, "does not fit"],
  [null, "may fit"],
]);

/** The machine that was chosen, with the numbers that were typed over its own. */
function outlookMachine() {
  const known = outlook.machines.find(({ machine }) => machine === byId("outlook-machine").value);
  const typed = (name) => {
    const value = byId(name).valueAsNumber;
    return Number.isFinite(value) && value > 0 ? value : null;
  };
  return { known, ram_gb: typed("outlook-ram"), bandwidth: typed("outlook-bandwidth"), vram_gb: typed("outlook-vram") };
}

/** What a model would do there: the time that goes into reading weights shrinks with the bandwidth, the rest stays. */
function outlookOf(model, { known, ram_gb, bandwidth, vram_gb }) {
  const measured = model.speeds.find(({ machine }) => machine === known.machine);
  const onGpu = model.device === "cuda" || vram_gb !== null;
  const own = model.device === "cuda" ? known.accelerator_mb : known.memory_mb;
  const typed = vram_gb ?? (model.device === "cuda" ? null : ram_gb);
  const room = typed === null ? own : typed * 1000;
  return {
    model,
    fits: room === null ? null : fitting(model.memory_mb, room - (onGpu ? 0 : outlook.library_mb)),
    rate: rateOf(model, measured, { known, bandwidth, onTypedGpu: vram_gb !== null }),
    first: bandwidth || vram_gb !== null ? null : (measured?.ttft_s["512"] ?? null),
  };
}

function rateOf(model, measured, { known, bandwidth, onTypedGpu }) {
  const rate = measured?.tokens_per_s ?? null;
  // Of a GPU nothing is known without its bandwidth.
  if (onTypedGpu) return bandwidth ? onGpuOf(bandwidth, model, rate, measured?.reading_share) : null;
  return rate && bandwidth ? atBandwidth(rate, measured.reading_share, bandwidth / known.bandwidth_gb_s) : rate;
}

/** What a GPU would do that reads all weights for a token at its bandwidth; what else a token takes is the processor's. */
function onGpuOf(bandwidth, model, rate, share) {
  const reading = model.weights_mb_per_token / 1000 / bandwidth;
  const value = 1 / (reading + (rate ? (1 - share) / rate.value : 0));
  const wider = Math.exp(outlook.unmeasured_width + outlook.other_machine_width);
  return { value, low: value / wider, high: value * wider, is_extrapolated: true };
}

function fitting(memory, room) {
  if (memory.high <= room) return true;
  return memory.low > room ? false : null;
}

function atBandwidth(rate, share, ratio) {
  const faster = 1 / (share / ratio + 1 - share);
  const wider = Math.exp(outlook.other_machine_width);
  return {
    value: rate.value * faster,
    low: (rate.low * faster) / wider,
    high: rate.high * faster * wider,
    is_extrapolated: true,
  };
}

function withInterval(expected, write = digits) {
  if (!expected) return NOTHING;
  return [write(expected.value), " ", element("span", { class: "range-text" }, bracket([expected.low, expected.high], write))];
}

function outlookRow({ model, fits, rate, first }) {
  const isBeyond = (rate ?? model.memory_mb).is_extrapolated;
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, model.model),
    element("td", {}, FITS.get(fits)),
    element("td", { class: "number" }, withInterval(model.memory_mb, megabytes)),
    element("td", { class: "number" }, withInterval(rate)),
    element("td", { class: "number" }, withInterval(first), first?.is_extrapolated ? " *" : null),
    element("td", {}, isBeyond ? "beyond what was measured" : "as measured"),
  );
}

function writeOutlook() {
  const machine = outlookMachine();
  const told = outlook.models.map((model) => outlookOf(model, machine));
  byId("outlook-rows").replaceChildren(...told.map(outlookRow));
  const count = told.filter(({ fits }) => fits === true).length;
  const sizes = [`${digits(machine.ram_gb ?? machine.known.memory_mb / 1000)} GB of memory`];
  if (machine.vram_gb) sizes.push(`${digits(machine.vram_gb)} GB on the GPU`);
  sizes.push(`${digits(machine.bandwidth ?? machine.known.bandwidth_gb_s)} GB/s`);
  byId("outlook-said").textContent = `${count} of ${plural(told.length, "model")} fit: ${sizes.join(", ")}.`;
}

function writeOutlookErrors() {
  const percent = (share) => (share === null ? "n/a" : `${digits(100 * share)} %`);
  const lines = outlook.errors
    .filter(({ left_out, median }) => left_out === "model" || median !== null)
    .map((error) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, `${error.title} (${error.backend}, ${error.device})`),
        element("td", { class: "number" }, plural(error.count, error.left_out)),
        ...[error.median, error.p90, error.baseline_median].map((share) =>
          element("td", { class: "number" }, percent(share)),
        ),
      ),
    );
  byId("outlook-errors").replaceChildren(...lines);
}

/** Fill the section and listen to its form; without any profile the section stays hidden. */
function startOutlook() {
  if (!outlook.machines.length) return;
  byId("outlook").hidden = false;
  byId("outlook-machine").replaceChildren(
    ...outlook.machines.map(({ machine, threads }) => element("option", { value: machine }, `${machine} ×${threads}`)),
  );
  const form = byId("outlook-form");
  form.addEventListener("input", writeOutlook);
  form.addEventListener("submit", (event) => event.preventDefault());
  writeOutlook();
  writeOutlookErrors();
}
