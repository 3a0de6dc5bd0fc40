// Elements, made without ever reading text as markup.

const SVG = "http://www.w3.org/2000/svg";

function byId(id) {
  return document.getElementById(id);
}

/** An element with attributes and children; texts become text; null, false and "" nothing. */
function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function graphic(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => ![null, undefined, false, ""].includes(child)));
  return node;
}

/** Text for eyes at the right, with words that a screen reader says instead. */
function spoken(visible, words) {
  return [element("span", { "aria-hidden": "true" }, visible), element("span", { class: "unseen" }, words)];
}

const tooltip = {
  node: byId("tooltip"),

  /** Show lines of text beside a place on the screen. */
  show(lines, x, y) {
    this.node.replaceChildren(...lines.map((line, place) => element(place ? "span" : "strong", {}, line)));
    this.node.hidden = false;
    const { width, height } = this.node.getBoundingClientRect();
    const left = Math.min(Math.max(8, x + 12), document.documentElement.clientWidth - width - 8);
    const top = y + height + 24 > window.innerHeight ? y - height - 12 : y + 16;
    this.node.style.setProperty("left", `${Math.max(8, left)}px`);
    this.node.style.setProperty("top", `${Math.max(8, top)}px`);
  },

  hide() {
    this.node.hidden = true;
  },
};

/** Show an explanation while a mark is pointed at, has the focus, or was touched. */
function explain(node, lines) {
  const show = () => {
    const { left, bottom } = node.getBoundingClientRect();
    tooltip.show(lines, left - 12, bottom - 10);
  };
  for (const event of ["mouseenter", "focus", "click"]) node.addEventListener(event, show);
  for (const event of ["mouseleave", "blur"]) node.addEventListener(event, () => tooltip.hide());
  return node;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") tooltip.hide();
});
