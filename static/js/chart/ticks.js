/* Where Plotly's own ticks would mislead or not fit: places and words of our own, as {tickvals, ticktext}. */

import { place } from "./data.js";
import { clock, count } from "./format.js";

const NARROW = 6; // Steps, up to which each may have a tick.
const GREAT = 1e12; // From here on Plotly would write powers of ten, by means that the policy forbids.
const UNITS = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
const DIGITS = 28; // Characters of all labels of a step axis together.
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];

/* Powers of ten, or 1, 2 and 5, or even parts: whatever gives two ticks or more. All written in full. */
export function logTicks([low, high]) {
  if (!(low > 0 && high < Infinity)) return {};
  const powers = [];
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const by = Math.max(1, Math.ceil((last - first) / 5));
  for (let power = first; power <= last; power += by) powers.push(power);
  const within = (values) => values.filter((value) => value >= low * 0.999 && value <= high * 1.001);
  const tens = within(powers.map((power) => Number(`1e${power}`)));
  if (tens.length > 2 || by > 1) return written(tens);
  const fives = within(powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`))));
  return written(fives.length > 1 ? fives : even(low, high));
}

/* Values too great or too small for full numbers are written with exponents, the shorter the better. */
export function valueTicks([low, high]) {
  const most = Math.max(Math.abs(low), Math.abs(high));
  if (!(most < Infinity) || !most || (most < 1e5 && most >= 1e-4)) return {};
  if (low === high) return written([low]);
  const ticks = written(even(low, high), true);
  return distinct(ticks) ? ticks : {};
}

/* Between two steps there is none: a few steps have ticks at whole numbers, and none where there is no point. As many
   as fit into so many pixels, as 5k or in full; too great ones are rounded as long as they can be told apart. */
export function stepTicks([low, high], [first, last], series, width) {
  if (Math.max(-low, high) >= GREAT) {
    const ticks = written(even(low, high), true);
    return distinct(ticks) && ticks.tickvals.length > 1 ? ticks : oneTick(low, high, series);
  }
  if (high - low <= NARROW) return wholeTicks(Math.max(Math.ceil(low), first), Math.min(Math.floor(high), last));
  for (let parts = Math.min(10, Math.floor(width / 50)); parts > 1; parts -= 1) {
    const tickvals = even(low, high, parts);
    const ticktext = stepWords(tickvals);
    if (ticktext.reduce((sum, text) => sum + 6.5 * text.length + 16, 0) <= width) return { tickvals, ticktext };
  }
  return oneTick(low, high, series);
}

function stepWords(steps) {
  const most = Math.max(...steps.map(Math.abs));
  const [unit, letter] = UNITS.find(([one]) => most >= one) ?? [1, ""];
  const short = steps.map((step) => (step ? `${step / unit}${letter}`.replace("-", "−") : "0"));
  return most >= 10_000 && short.every((text) => text.length <= 6) ? short : steps.map(count);
}

function distinct({ ticktext }) {
  return new Set(ticktext).size === ticktext.length;
}

/* The point in the middle, with all digits of its step. */
function oneTick(low, high, { x, steps }) {
  const middle = Math.min(place(x, low / 2 + high / 2), x.length - 1);
  return { tickvals: [x[middle]], ticktext: [count(steps[middle])] };
}

function wholeTicks(from, to) {
  const most = Math.max(1, Math.floor(DIGITS / count(to).length) - 1);
  const by = Math.max(1, Math.ceil((to - from) / most));
  const places = Math.floor((to - from) / by);
  const tickvals = Array.from({ length: places + 1 }, (_, i) => from + i * by);
  return { tickvals, ticktext: tickvals.map(count) };
}

export function clockTicks([low, high]) {
  const span = high - low;
  if (span <= 5 && low >= 60) return { tickvals: [low + span / 2], ticktext: [clock(low + span / 2)] };
  if (!(span > 5)) return {};
  const step = SECONDS.find((one) => span / one <= 6) ?? Math.ceil(span / 6 / 86400) * 86400;
  const tickvals = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) tickvals.push(at);
  return { tickvals, ticktext: tickvals.map((at) => (step < 60 && high < 60 ? `${at} s` : clock(at))) };
}

/* Multiples of 1, 2 or 5 times a power of ten, so many or a little fewer between two values. */
function even(low, high, parts = 4) {
  const rough = high / parts - low / parts;
  if (!(rough > 0)) return [low];
  const power = Math.floor(Math.log10(rough));
  const digit = [1, 2, 5, 10].find((one) => one * Number(`1e${power}`) >= rough * 0.999) ?? 10;
  const step = digit * Number(`1e${power}`);
  const first = Math.ceil(low / step);
  const places = Math.min(Math.floor(high / step) - first, 2 * parts);
  // Counted, as beyond 2^53 a number plus one may be the same number.
  return Array.from({ length: Math.max(0, places + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function written(tickvals, exponents = false) {
  return { tickvals, ticktext: tickvals.map((value) => label(value, exponents)) };
}

function label(value, exponent) {
  const size = Math.abs(value);
  if (value === 0) return "0";
  const rounded = (digits) => Number(value.toPrecision(digits));
  const long = exponent || size >= 1e6 || size < 1e-4;
  const text = long ? rounded(3).toExponential().replace("e+", "e") : String(rounded(6));
  return text.replaceAll("-", "−");
}
