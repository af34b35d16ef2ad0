/* Where the ticks of an axis of values or steps are and what stands at them, as Plotly takes it. Plotly's own would
   repeat themselves or be cut off. */

import { count } from "../format.js";
import { decimalOf, evenSteps, exponential, fixed, numberOf } from "./decimal.js";
import { indexOf } from "./series.js";

/** @typedef {import("./decimal.js").Decimal} Decimal */
/** @typedef {{tickvals: number[], ticktext: string[]}} Ticks */
/** @typedef {[number, number]} Range */

const ON_VALUE_AXIS = 5; // Parts of a value axis, at most.
const SHORT = 7; // Characters up to which a number is written in full: 500,000 and 0.00015.
const FEW_STEPS = 6; // Up to so many steps each may have a tick.
const WHOLE_STEPS = 28; // Characters of all their labels together: that much fits into the narrowest chart.
const GREAT_STEP = 1e12;
const CHARACTER = 6.5; // Pixels.
const GAP = 16; // Pixels between two labels of an x axis.
/** @type {[number, string][]} */
const UNITS = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/**
 * Ticks of a linear value axis. Their labels differ, since none is rounded.
 * @param {Range} range
 * @returns {Ticks}
 */
export function valueTicks([low, high]) {
  if (low === high) {
    const rounded = Number(low.toPrecision(10));
    return ticksAt([decimalOf(Number.isFinite(rounded) ? rounded : low)], [low]);
  }
  const steps = evenSteps(low, high, ON_VALUE_AXIS);
  return ticksAt(steps.length > 1 ? steps : [decimalOf(low), decimalOf(high)]);
}

/**
 * Ticks of a logarithmic axis: powers of ten, or 1, 2 and 5, or even parts, whichever gives two or more.
 * @param {Range} range both above 0
 * @returns {Ticks}
 */
export function logTicks([low, high]) {
  /** @type {Decimal[]} */
  const powers = [];
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const by = Math.max(1, Math.ceil((last - first) / 5));
  for (let power = first; power <= last; power += by) powers.push({ digits: 1n, power });
  /** @param {Decimal[]} decimals */
  const inside = (decimals) =>
    decimals.filter((one) => {
      const value = numberOf(one);
      return value > 0 && value < Infinity && value >= low * 0.999 && value <= high * 1.001;
    });
  const tens = inside(powers);
  if (tens.length > 2 || by > 1) return writtenOneByOne(tens);
  const fives = inside(powers.flatMap(({ power }) => [1n, 2n, 5n].map((digits) => ({ digits, power }))));
  return fives.length > 1 ? writtenOneByOne(fives) : valueTicks([low, high]);
}

/**
 * @param {Decimal[]} decimals
 * @param {number[]} tickvals
 * @returns {Ticks}
 */
function ticksAt(decimals, tickvals = decimals.map(numberOf)) {
  const [full, scientific] = [decimals.map(fixedIfBearable), decimals.map(exponential)];
  const useFull = longest(full) <= SHORT || longest(full) <= longest(scientific) + 1;
  return { tickvals, ticktext: useFull ? full : scientific };
}

/**
 * @param {Decimal[]} decimals
 * @returns {Ticks}
 */
function writtenOneByOne(decimals) {
  const ticktext = decimals.map((one) => ticksAt([one]).ticktext[0]);
  return { tickvals: decimals.map(numberOf), ticktext };
}

/** @param {Decimal} decimal */
function fixedIfBearable(decimal) {
  return Math.abs(decimal.power) > 40 ? "x".repeat(100) : fixed(decimal); // 300 zeros are never the shorter text.
}

/** @param {string[]} texts */
function longest(texts) {
  return Math.max(...texts.map((text) => text.length));
}

/** @param {string[]} texts */
function widthOf(texts) {
  return texts.reduce((sum, text) => sum + CHARACTER * text.length + GAP, 0);
}

/**
 * Ticks of a step axis. Between two steps there is nothing: a few steps have ticks at whole numbers. As many as fit, as
 * 5k or in full; great ones with an exponent as long as that is short and exact.
 * @param {Range} range
 * @param {Range} ends the first and the last step that has a point
 * @param {{x: ArrayLike<number>, steps: ArrayLike<number | bigint>}} series
 * @param {number} width pixels
 * @returns {Ticks}
 */
export function stepTicks([low, high], [first, last], series, width) {
  if (Math.max(-low, high) >= GREAT_STEP) {
    const steps = evenSteps(low, high, 4);
    const ticktext = steps.map(exponential);
    if (steps.length > 1 && longest(ticktext) <= SHORT) return { tickvals: steps.map(numberOf), ticktext };
    return middleStep(low, high, series);
  }
  if (high - low <= FEW_STEPS) {
    return wholeSteps(Math.max(Math.ceil(low), first), Math.min(Math.floor(high), last));
  }
  for (let parts = Math.min(10, Math.floor(width / 50)); parts > 1; parts -= 1) {
    const tickvals = evenSteps(low, high, parts).map(numberOf);
    const ticktext = stepLabels(tickvals);
    if (widthOf(ticktext) <= width) return { tickvals, ticktext };
  }
  return middleStep(low, high, series);
}

/** @param {number[]} steps */
function stepLabels(steps) {
  const largest = Math.max(...steps.map(Math.abs));
  const [unit, letter] = UNITS.find(([one]) => largest >= one) ?? [1, ""];
  const texts = steps.map((step) => (step ? `${step / unit}${letter}`.replace("-", "−") : "0"));
  return largest >= 10_000 && texts.every((text) => text.length <= 6) ? texts : steps.map(count);
}

/**
 * One tick, at the point in the middle, with all digits of its step.
 * @param {number} low
 * @param {number} high
 * @param {{x: ArrayLike<number>, steps: ArrayLike<number | bigint>}} series
 * @returns {Ticks}
 */
function middleStep(low, high, { x, steps }) {
  const middle = Math.min(indexOf(x, low / 2 + high / 2), x.length - 1);
  return { tickvals: [x[middle]], ticktext: [count(steps[middle])] };
}

/**
 * @param {number} from
 * @param {number} to
 * @returns {Ticks}
 */
function wholeSteps(from, to) {
  const most = Math.max(1, Math.floor(WHOLE_STEPS / count(to).length) - 1);
  const by = Math.max(1, Math.ceil((to - from) / most));
  const length = Math.floor((to - from) / by) + 1;
  const tickvals = Array.from({ length: Math.max(0, length) }, (_, i) => from + i * by);
  return { tickvals, ticktext: tickvals.map(count) };
}
