// Colours and type of the charts: those of the page, light or dark.

function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: colour("ink"),
    muted: colour("muted"),
    line: colour("line"),
    panel: colour("panel"),
    accent: colour("accent"),
    soft: colour("soft"),
    second: colour("second"),
    font: getComputedStyle(document.body).fontFamily,
  };
}

function chartConfig({ ink, muted, line, font }) {
  return {
    background: null,
    font,
    view: { stroke: null },
    axis: {
      labelColor: muted,
      labelFontSize: 12,
      titleColor: muted,
      titleFontSize: 12,
      titleFontWeight: "normal",
      titlePadding: 8,
      gridColor: line,
      domain: false,
      tickColor: line,
      labelPadding: 6,
    },
    legend: {
      labelColor: muted,
      labelFontSize: 12,
      titleColor: muted,
      titleFontSize: 12,
      titleFontWeight: "normal",
    },
    text: { color: ink, fontSize: 12 },
  };
}
