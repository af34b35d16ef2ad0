/* Smoothed values, computed from the points that are drawn. What is not finite stays a gap and is left out of its
   neighbours' means. */

/** `amount`: the weight of what came before, 0 to 1, for "ema"; a standard deviation in points for "gauss"; a number of
 * points for "mean".
 * @typedef {{kind: "ema" | "gauss" | "mean", amount: number}} Smoothing */

/** The least and the greatest amount of each kind, and the one to begin with.
 * @type {Record<Smoothing["kind"], {least: number, most: number, first: number, step: number}>} */
export const AMOUNTS = {
  ema: { least: 0.01, most: 0.999, first: 0.9, step: 0.01 },
  gauss: { least: 0.5, most: 50, first: 5, step: 0.5 },
  mean: { least: 2, most: 200, first: 20, step: 1 },
};

/**
 * `ema:0.9` of an address; null for no smoothing, and for what is none.
 * @param {string | null} text
 * @returns {Smoothing | null}
 */
export function smoothingFrom(text) {
  const [, kind, digits] = /^(ema|gauss|mean):([\d.]+)$/.exec(text ?? "") ?? [];
  if (!kind) return null;
  const { least, most } = AMOUNTS[/** @type {Smoothing["kind"]} */ (kind)];
  const amount = Number(digits);
  if (!(amount >= least && amount <= most)) return null;
  return { kind: /** @type {Smoothing["kind"]} */ (kind), amount };
}

/** @param {Smoothing | null} smoothing */
export function smoothingText(smoothing) {
  return smoothing && `${smoothing.kind}:${smoothing.amount}`;
}

/** What a card says. @param {Smoothing} smoothing */
export function smoothingInWords({ kind, amount }) {
  if (kind === "ema") return `smoothed ${amount}`;
  return kind === "gauss" ? `Gaussian ${amount}` : `mean of ${amount}`;
}

/**
 * @param {ArrayLike<number>} values
 * @param {Smoothing} smoothing
 * @returns {Float64Array}
 */
export function smoothed(values, { kind, amount }) {
  if (kind === "ema") return exponential(values, amount);
  return kind === "gauss" ? gaussian(values, amount) : runningMean(values, Math.round(amount));
}

/**
 * The exponential moving average without the pull of its start towards 0, as in TensorBoard.
 * @param {ArrayLike<number>} values
 * @param {number} weight of what came before
 */
function exponential(values, weight) {
  const result = new Float64Array(values.length);
  let mean = 0;
  let known = 0; // How much of `mean` comes from values.
  for (let i = 0; i < values.length; i++) {
    const isNumber = Number.isFinite(values[i]);
    if (isNumber) {
      mean = mean * weight + (1 - weight) * values[i];
      known = known * weight + (1 - weight);
    }
    result[i] = isNumber ? mean / known : NaN;
  }
  return result;
}

/**
 * @param {ArrayLike<number>} values
 * @param {number} deviation points
 */
function gaussian(values, deviation) {
  const reach = Math.ceil(3 * deviation);
  const weights = Array.from({ length: reach + 1 }, (_, i) => Math.exp(-((i / deviation) ** 2) / 2));
  return Float64Array.from({ length: values.length }, (_, i) => {
    if (!Number.isFinite(values[i])) return NaN;
    let [sum, total] = [0, 0];
    for (let j = Math.max(0, i - reach); j <= Math.min(values.length - 1, i + reach); j++) {
      if (!Number.isFinite(values[j])) continue;
      const weight = weights[Math.abs(i - j)];
      sum += weight * values[j];
      total += weight;
    }
    return sum / total;
  });
}

/**
 * The mean of the points around each, half of them before and half behind; fewer at the ends, as many on either side.
 * @param {ArrayLike<number>} values
 * @param {number} points
 */
function runningMean(values, points) {
  const { length } = values;
  const sums = new Float64Array(length + 1);
  const counts = new Uint32Array(length + 1);
  for (let i = 0; i < length; i++) {
    const isNumber = Number.isFinite(values[i]);
    sums[i + 1] = sums[i] + (isNumber ? values[i] : 0);
    counts[i + 1] = counts[i] + (isNumber ? 1 : 0);
  }
  const half = Math.floor(points / 2);
  return Float64Array.from({ length }, (_, i) => {
    if (!Number.isFinite(values[i])) return NaN;
    const reach = Math.min(half, i, length - 1 - i);
    const [from, to] = [i - reach, i + reach + 1];
    return (sums[to] - sums[from]) / (counts[to] - counts[from]);
  });
}
