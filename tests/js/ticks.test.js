import assert from "node:assert/strict";
import { test } from "node:test";
import { decimalOf, exponential, fixed, numberOf } from "../../static/js/chart/decimal.js";
import { logTicks, stepTicks, valueTicks } from "../../static/js/chart/ticks.js";

const MAX = Number.MAX_VALUE;

/** @type {[number, number, string[]][]} */
const RANGES = [
  [0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]],
  [-3, 7, ["−2", "0", "2", "4", "6"]],
  [0, 1_000_000, ["0", "2e5", "4e5", "6e5", "8e5", "1e6"]],
  [0, 500_000, ["0", "100,000", "200,000", "300,000", "400,000", "500,000"]],
  [85_000.08, 85_000.09, ["85,000.080", "85,000.082", "85,000.084", "85,000.086", "85,000.088", "85,000.090"]],
  [
    -1_200_060_001,
    -1_200_059_999,
    ["−1,200,060,001.0", "−1,200,060,000.5", "−1,200,060,000.0", "−1,200,059,999.5", "−1,200,059,999.0"],
  ],
  [0.00001, 0.00003, ["1e−5", "1.5e−5", "2e−5", "2.5e−5", "3e−5"]],
  [-1e300, 1e300, ["−1e300", "−5e299", "0", "5e299", "1e300"]],
  [-MAX, MAX, ["−1e308", "0", "1e308"]],
  [5, 5, ["5"]],
  [0.1 + 0.2, 0.1 + 0.2, ["0.3"]],
];

for (const [low, high, labels] of RANGES) {
  test(`the labels from ${low} to ${high}`, () => assert.deepEqual(valueTicks([low, high]).ticktext, labels));
}

const NARROW = [
  [1, 1 + 1e-12],
  [85_000.08, 85_000.08 + 1e-10],
  [1e15, 1e15 + 1],
  [1.7e308, 1.7e308 * (1 + 1e-15)],
  [0.3, 0.30000000000000004],
  [1e-300, 1.0000001e-300],
  [0, 5e-324],
  [-1.20006e9 - 1e-6, -1.20006e9],
];

for (const [low, high] of NARROW) {
  test(`the labels from ${low} to ${high} differ and are true`, () => {
    const { tickvals, ticktext } = valueTicks([low, high]);
    assert.ok(tickvals.length >= 2);
    assert.equal(new Set(ticktext).size, ticktext.length);
    const read = ticktext.map((text) => Number(text.replaceAll("−", "-").replaceAll(",", "")));
    assert.deepEqual(read, tickvals);
    assert.ok(tickvals.every((value) => value >= low && value <= high));
  });
}

/** @type {[number, number, string[]][]} */
const LOG_RANGES = [
  [0.001, 1000, ["0.001", "0.1", "10", "1,000"]],
  [0.04, 0.9, ["0.05", "0.1", "0.2", "0.5"]],
  [3.1, 3.4, ["3.1", "3.2", "3.3", "3.4"]],
  [85_000.08, 85_000.09, ["85,000.080", "85,000.082", "85,000.084", "85,000.086", "85,000.088", "85,000.090"]],
  [1e-300, 1e300, ["1e−300", "1e−180", "1e−60", "1e60", "1e180", "1e300"]],
  [12, 45, ["20", "30", "40"]],
  [1e308, MAX, ["1e308", "1.2e308", "1.4e308", "1.6e308"]],
];

for (const [low, high, labels] of LOG_RANGES) {
  test(`the labels of a log axis from ${low} to ${high}`, () => {
    const { tickvals, ticktext } = logTicks([low, high]);
    assert.deepEqual(ticktext, labels);
    assert.ok(tickvals.every((value) => Number.isFinite(value) && value > 0));
  });
}

test("a decimal is the number that it was made from", () => {
  for (const value of [0, 1, -0.1, 85_000.08, 5e-324, MAX, 1e21, 123_456_789, -1e-7]) {
    assert.equal(numberOf(decimalOf(value)), value);
  }
});

test("a decimal is written in full or with an exponent", () => {
  assert.equal(fixed({ digits: -85_000_080n, power: -3 }), "−85,000.080");
  assert.equal(fixed({ digits: 5n, power: -3 }), "0.005");
  assert.equal(fixed({ digits: 12n, power: 3 }), "12,000");
  assert.equal(exponential({ digits: -1_250n, power: -12 }), "−1.25e−9");
  assert.equal(exponential({ digits: 0n, power: 5 }), "0");
});

/** @param {number[]} x */
function series(x) {
  return { x, steps: x };
}

test("steps have ticks at whole numbers, as many as fit", () => {
  assert.deepEqual(stepTicks([4, 7], [4, 7], series([4, 7]), 300).ticktext, ["4", "5", "6", "7"]);
  assert.deepEqual(stepTicks([-1, 1], [0, 0], series([0]), 300).ticktext, ["0"]);
  assert.deepEqual(stepTicks([0, 20_000], [0, 20_000], series([0, 20_000]), 250).ticktext, [
    "0",
    "5k",
    "10k",
    "15k",
    "20k",
  ]);
  const far = [1_000_000_000, 1_000_000_002];
  assert.deepEqual(stepTicks([far[0], far[1]], [far[0], far[1]], series(far), 300).ticktext, [
    "1,000,000,000",
    "1,000,000,002",
  ]);
});

test("a step too great for a short label has all its digits", () => {
  const steps = [2n ** 53n + 1n, 2n ** 53n + 3n];
  const x = steps.map(Number);
  const { ticktext } = stepTicks([x[0], x[1]], [x[0], x[1]], { x, steps }, 1000);
  assert.equal(ticktext.length, 1);
  assert.match(ticktext[0], /^9,007,199,254,740,99[35]$/);
});
