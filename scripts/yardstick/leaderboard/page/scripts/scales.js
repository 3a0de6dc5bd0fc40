// Scales and sizes that the charts share.

const MOST_BARS = 20;

const NARROW = 520;
// Where the greatest value is so many times the least, a scale of ratios shows more than one of differences.
const WIDE_RANGE = 12;
// The page's own tooltip takes lines of text.
const LINES = { value: { expr: "datum.lines" } };

/** A scale from zero, or one of ratios where values range widely, with its axis. */
function scaleOf(values, width, room = 1.08) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (!(least > 0 && most / least > WIDE_RANGE))
    return { scale: { type: "linear", domain: [0, most * room || 1], nice: true }, axis: { tickCount: 5 } };
  const domain = [least / room, most * room];
  return { scale: { type: "log", nice: false, domain }, axis: { values: roundNumbers(domain, width), format: "~r" } };
}

/** 1, 2, 5, 10 ... within a domain; fewer where they would not fit. */
function roundNumbers([least, most], width) {
  const [from, to] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  const steps = (to - from) * 60 > width - 150 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: to - from + 1 }, (_, at) => from + at);
  return powers
    .flatMap((power) => steps.map((step) => Number(`${step}e${power}`)))
    .filter((value) => value >= least && value <= most);
}

/** Where a value is on a scale of `scaleOf`, from 0 at the left to 1 at the right. */
function shareOf(value, { type, domain }) {
  const at = type === "log" ? Math.log : Number;
  return (at(value) - at(domain[0])) / (at(domain[1]) - at(domain[0]));
}
