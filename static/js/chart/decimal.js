/* Decimal numbers without rounding, for the labels of axes: `digits` × 10^`power`. */

import { count } from "../format.js";

/** @typedef {{digits: bigint, power: number}} Decimal */

/**
 * The shortest decimal that means this number.
 * @param {number} value finite
 * @returns {Decimal}
 */
export function decimalOf(value) {
  const [mantissa, exponent] = value.toExponential().split("e");
  const fraction = mantissa.split(".")[1] ?? "";
  return { digits: BigInt(mantissa.replace(".", "")), power: Number(exponent) - fraction.length };
}

/** @param {Decimal} decimal */
export function numberOf({ digits, power }) {
  return Number(`${digits}e${power}`);
}

/**
 * Multiples of 1, 2 or 5 times a power of ten between two values, as many as `parts` or about half of that. None where
 * neighbouring numbers lie further apart than the multiples.
 * @param {number} low
 * @param {number} high
 * @param {number} parts
 * @returns {Decimal[]}
 */
export function evenSteps(low, high, parts) {
  const rough = high / parts - low / parts;
  if (!(rough > 0 && rough < Infinity)) return [];
  let power = Math.floor(Math.log10(rough));
  let digit = [1, 2, 5].find((one) => Number(`${one}e${power}`) >= rough * 0.999);
  if (!digit) [digit, power] = [1, power + 1];
  const step = Number(`${digit}e${power}`);
  // Closer together than neighbouring numbers, a multiple could not be told from another.
  if (step < Math.max(-low, high) * Number.EPSILON) return [];
  const first = Math.ceil(low / step);
  if (!Number.isFinite(first)) return [];
  /** @type {Decimal[]} */
  const steps = [];
  // Counted, as beyond 2^53 a number plus one may be the same number.
  for (let i = 0; i <= 2 * parts; i++) {
    const decimal = { digits: (BigInt(first) + BigInt(i)) * BigInt(digit), power };
    const value = numberOf(decimal);
    if (value > high) break;
    if (value >= low) steps.push(decimal);
  }
  return steps;
}

/**
 * In full, with all decimals that its power has: 850,000.10
 * @param {Decimal} decimal
 */
export function fixed({ digits, power }) {
  if (digits === 0n) return "0";
  const [sign, size] = digits < 0n ? ["−", -digits] : ["", digits];
  if (power >= 0) return sign + count(size * 10n ** BigInt(power));
  const text = String(size).padStart(1 - power, "0");
  return `${sign}${count(BigInt(text.slice(0, power)))}.${text.slice(power)}`;
}

/**
 * With an exponent: −1.25e9
 * @param {Decimal} decimal
 */
export function exponential({ digits, power }) {
  if (digits === 0n) return "0";
  const [sign, text] = digits < 0n ? ["−", String(-digits)] : ["", String(digits)];
  const exponent = power + text.length - 1;
  const fraction = text.slice(1).replace(/0+$/, "");
  return `${sign}${text[0]}${fraction ? `.${fraction}` : ""}e${exponent < 0 ? "−" : ""}${Math.abs(exponent)}`;
}
