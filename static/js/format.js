/* Numbers and durations as text. The rules are those of aimanager/web/filters.py; tests/wire/numbers.json holds both. */

/** A value in a message: JSON has no NaN and no infinities, so they travel as words.
 * @typedef {number | "NaN" | "Infinity" | "-Infinity" | string} WireNumber */

/** @type {Record<string, string>} */
const NOT_FINITE = { NaN: "NaN", Infinity: "∞", "-Infinity": "−∞" };

/** @param {WireNumber} value */
export function toNumber(value) {
  return typeof value === "string" ? Number(value) : value;
}

/**
 * Rounded for reading: four significant digits, all digits before the point, thousands separated.
 * @param {WireNumber | null | undefined} value
 */
export function short(value) {
  if (value === null || value === undefined) return "–";
  const number = toNumber(value);
  if (!Number.isFinite(number)) return NOT_FINITE[String(number)];
  const rounded = Math.abs(Number(number.toPrecision(4)));
  if (Number.isInteger(number) && Math.abs(number) < 1e6) return count(number === 0 ? 0 : number);
  if (rounded >= 1e6 || rounded < 1e-3) {
    const text = number
      .toExponential(3)
      .replace("e+", "e")
      .replace(/\.?0+e/, "e");
    return text.replaceAll("-", "−");
  }
  if (rounded >= 1000) return count(Math.sign(number) * Number(Math.abs(number).toFixed(0)));
  return number.toPrecision(4).replace("-", "−"); // Zeros at the end stay: the digits of a column line up.
}

/**
 * Every digit, as one would type it.
 * @param {WireNumber} value
 */
export function exact(value) {
  return String(toNumber(value));
}

/**
 * A whole number with its thousands separated.
 * @param {number | bigint} value
 */
export function count(value) {
  return value.toLocaleString("en-US").replace("-", "−");
}

/**
 * 95 as `1:35`, 3725 as `1:02:05`.
 * @param {number} seconds
 * @param {number} decimals digits of the seconds after the point
 */
export function clock(seconds, decimals = 0) {
  const sign = seconds < 0 ? "−" : "";
  const size = Math.abs(seconds);
  if (size < 60) return `${sign}${decimals ? size.toFixed(decimals) : short(size)} s`;
  const unit = 10 ** decimals;
  const total = decimals ? Math.round(size * unit) : Math.floor(size);
  const [hours, minutes, rest] = [total / unit / 3600, (total / unit / 60) % 60, (total % (60 * unit)) / unit];
  const last = rest.toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  return sign + (hours >= 1 ? `${Math.floor(hours)}:${twoDigits(minutes)}:${last}` : `${Math.floor(minutes)}:${last}`);
}

/** @param {number} value */
export function twoDigits(value) {
  return String(Math.floor(value)).padStart(2, "0");
}

/**
 * A duration by its two largest units.
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ${twoDigits((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}
