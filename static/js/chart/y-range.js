/* The range of values that a chart shows when it is not to show all: chosen by hand, or by percentiles of what is drawn. */

/** `low` and `high` are values, null for the least or the greatest there is; or percentiles of the values in view.
 * @typedef {{kind: "hand", low: number | null, high: number | null} | {kind: "percentile", low: number, high: number}} YRange */

/**
 * `p1-99`, `0..2`, `..2` or `0..` of an address; null for all values.
 * @param {string | null} text
 * @returns {YRange | null}
 */
export function yRangeFrom(text) {
  const [, first, second] = /^p([\d.]+)-([\d.]+)$/.exec(text ?? "") ?? [];
  if (first) {
    const [low, high] = [Number(first), Number(second)];
    return low >= 0 && low < high && high <= 100 ? { kind: "percentile", low, high } : null;
  }
  const parts = (text ?? "").split("..");
  if (parts.length !== 2) return null;
  const [low, high] = parts.map((part) => (part.trim() === "" ? null : Number(part)));
  if (low === null && high === null) return null;
  if (Number.isNaN(low) || Number.isNaN(high) || (low !== null && high !== null && low >= high)) return null;
  return { kind: "hand", low, high };
}

/** @param {YRange | null} range */
export function yRangeText(range) {
  if (!range) return null;
  return range.kind === "percentile" ? `p${range.low}-${range.high}` : `${range.low ?? ""}..${range.high ?? ""}`;
}

/**
 * From which value to which the chart goes; null leaves an end to the values.
 * @param {YRange} range
 * @param {number[]} values those in view
 * @returns {[number | null, number | null]}
 */
export function boundsOf(range, values) {
  if (range.kind === "hand") return [range.low, range.high];
  const sorted = Float64Array.from(values.filter(Number.isFinite)).sort();
  if (!sorted.length) return [null, null];
  return [percentile(sorted, range.low), percentile(sorted, range.high)];
}

/**
 * @param {Float64Array} sorted
 * @param {number} percent
 */
function percentile(sorted, percent) {
  const place = (percent / 100) * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}
