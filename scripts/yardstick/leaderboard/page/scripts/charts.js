// Drawing: Vega-Lite to SVG, with expressions interpreted, because the page's policy forbids `eval`.

const drawings = new Map();

/**
 * Draw a chart into a figure, in place of what was there.
 *
 * `make(width, theme)` returns a Vega-Lite specification. Data are numbers and texts; a text is never read as markup.
 */
function draw(figure, make, { note = "", description, pick } = {}) {
  const canvas = figure.querySelector(".canvas");
  figure.querySelector(".note").textContent = make ? note : "Nothing to draw.";
  const previous = drawings.get(figure);
  previous?.view?.finalize();
  const drawing = { canvas, make, description, pick, width: 0, view: null };
  drawings.set(figure, drawing);
  if (make) {
    redraw(drawing);
    resizing.observe(canvas);
  } else {
    canvas.replaceChildren();
    canvas.removeAttribute("role");
    canvas.removeAttribute("aria-label");
  }
}

function forget(figure) {
  drawings.get(figure)?.view?.finalize();
  drawings.delete(figure);
}

function redraw(drawing) {
  const { canvas, make, description, pick } = drawing;
  drawing.width = canvas.clientWidth;
  if (!drawing.width) return;
  drawing.view?.finalize();
  const colours = theme();
  const compiled = vegaLite.compile(
    { ...make(drawing.width, colours), autosize: { type: "fit", contains: "padding" }, padding: 2 },
    { config: chartConfig(colours) },
  );
  const runtime = vega.parse(compiled.spec, null, { ast: true });
  drawing.view = new vega.View(runtime, {
    expr: vegaInterpreter.expressionInterpreter,
    renderer: "svg",
    container: canvas,
    hover: false,
    logLevel: vega.Error,
  }).tooltip((handler, event, item, lines) =>
    lines ? tooltip.show(lines, event.clientX, event.clientY) : tooltip.hide(),
  );
  if (pick) drawing.view.addEventListener("click", (event, item) => item?.datum && pick(item.datum));
  describe(canvas, description);
  drawing.view.runAsync();
}

/** A screen reader hears the description once, not every mark; the numbers are in a table. */
function describe(canvas, description) {
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", description);
  canvas.removeAttribute("aria-roledescription");
  canvas.querySelector("svg")?.setAttribute("aria-hidden", "true");
}

const resizing = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const drawing = [...drawings.values()].find(({ canvas }) => canvas === target);
    if (drawing?.make && target.clientWidth && target.clientWidth !== drawing.width) redraw(drawing);
  }
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const drawing of drawings.values()) if (drawing.make) redraw(drawing);
});
