import assert from "node:assert/strict";
import { test } from "node:test";
import { smoothed, smoothingFrom, smoothingInWords, smoothingText } from "../../static/js/chart/smooth.js";

/**
 * @param {ArrayLike<number>} values
 * @param {ArrayLike<number>} expected
 */
function assertNear(values, expected) {
  assert.equal(values.length, expected.length);
  for (let i = 0; i < values.length; i++) {
    assert.ok(
      Object.is(values[i], expected[i]) || Math.abs(values[i] - expected[i]) < 1e-12,
      `${values} is ${expected}`,
    );
  }
}

test("the exponential average is debiased as TensorBoard's", () => {
  // last = last * w + (1 - w) * value, divided by 1 - w ** count
  const weight = 0.6;
  let last = 0;
  const values = [10, 0, 5, 5, -3];
  const expected = values.map((value, i) => {
    last = last * weight + (1 - weight) * value;
    return last / (1 - weight ** (i + 1));
  });
  assertNear(smoothed(values, { kind: "ema", amount: weight }), expected);
});

test("a constant stays as it is, however it is smoothed", () => {
  for (const kind of /** @type {const} */ (["ema", "gauss", "mean"])) {
    const amount = kind === "ema" ? 0.9 : 4;
    assertNear(smoothed(Array(50).fill(0.25), { kind, amount }), Array(50).fill(0.25));
  }
});

test("what is not finite is a gap and spoils nothing around it", () => {
  for (const kind of /** @type {const} */ (["ema", "gauss", "mean"])) {
    const result = smoothed([1, 1, NaN, 1, Infinity, 1], { kind, amount: kind === "ema" ? 0.5 : 3 });
    assertNear(result, [1, 1, NaN, 1, NaN, 1]);
  }
});

test("the running mean is of the points around, and neither end is pulled to one side", () => {
  assertNear(smoothed([0, 1, 2, 30, 4, 5], { kind: "mean", amount: 3 }), [0, 1, 11, 12, 13, 5]);
});

test("Gaussian smoothing weighs by distance, alike on both sides", () => {
  const peak = smoothed([0, 0, 0, 0, 1, 0, 0, 0, 0], { kind: "gauss", amount: 1 });
  assert.ok(peak[4] > peak[3] && peak[3] > peak[2] && peak[2] > peak[1]);
  assert.ok(Math.abs(peak[3] - peak[5]) < 1e-12);
  assert.ok(Math.abs(peak[4] - 0.399) < 0.001);
});

test("a smoothing survives the address, and nonsense is none", () => {
  for (const text of ["ema:0.9", "gauss:5", "mean:20"]) assert.equal(smoothingText(smoothingFrom(text)), text);
  for (const text of [null, "", "ema", "ema:2", "mean:-1", "box:3"]) assert.equal(smoothingFrom(text), null);
});

test("a card says how it is smoothed", () => {
  assert.equal(smoothingInWords({ kind: "ema", amount: 0.9 }), "smoothed 0.9");
  assert.equal(smoothingInWords({ kind: "gauss", amount: 5 }), "Gaussian 5");
});
