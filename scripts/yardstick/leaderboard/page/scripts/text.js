// Numbers and other values as people read them.

const NOTHING = "–";

/** Three digits, and all digits before the decimal point. */
function digits(value) {
  if (value === 0) return "0";
  const exponent = Number(value.toExponential(2).split("e")[1]);
  return value.toFixed(Math.max(0, 2 - exponent));
}

/** A number, the text that stands in its place (`n/a (12<29)`), or a dash. */
function shown(value, factor = 1) {
  if (value === null || value === undefined) return NOTHING;
  return typeof value === "number" ? digits(value * factor) : String(value);
}

function parameters(count) {
  let amount = count;
  let unit = "";
  for (const larger of [" k", " M", " B"]) {
    if (amount < 999.5) break;
    amount /= 1000;
    unit = larger;
  }
  return amount.toFixed(unit === " B" && amount < 99.95 ? 1 : 0) + unit;
}

/** Megabytes, or gigabytes from 1,000 of them on. */
function megabytes(mb) {
  return mb >= 1000 ? `${digits(mb / 1000)} GB` : `${digits(mb)} MB`;
}

function bracket(interval, write = digits) {
  return interval ? `[${write(interval[0])}, ${write(interval[1])}]` : "";
}

function plusMinus(interval) {
  return interval ? `± ${digits((interval[1] - interval[0]) / 2)}` : "";
}

function day(time) {
  return time.slice(0, 10);
}

function minute(time) {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** Ascending, with whatever is not there last whichever way the rest is sorted. */
function compare(a, b, direction = 1) {
  const missing = (value) => value === null || value === undefined;
  if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
  if (typeof a === "string") return direction * a.localeCompare(b, "en", { numeric: true });
  return direction * (a - b);
}
