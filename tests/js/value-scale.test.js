import assert from "node:assert/strict";
import { test } from "node:test";
import { valueScale } from "../../static/js/chart/value-scale.js";
import { seriesOf } from "./series.js";

const MAX = Number.MAX_VALUE;

/** @type {[string, number[]][]} */
const EXTREMES = [
  ["at the end of the numbers", [-MAX, 0, MAX]],
  ["above 1.7e308", [1.7e308, 1.75e308, MAX]],
  ["constant at the end of the numbers", [MAX, MAX]],
  ["below 1e-300", [1e-310, 2e-310]],
  ["the least number", [0, 5e-324]],
  ["narrow and far from zero", [85_000.08, 85_000.08 + 2e-11, 85_000.08 + 4e-11]],
  ["constant", [3, 3]],
  ["zero", [0, 0]],
  ["ordinary", [1, 2, 3]],
];

for (const log of [false, true]) {
  for (const [what, values] of EXTREMES) {
    test(`values that are ${what} stay on the chart${log ? " on a log scale" : ""}`, () => {
      const { type, range, ticks, place } = valueScale([seriesOf(values)], { log, range: null });
      const heights = values
        .filter((value) => !log || value > 0)
        .map((value) => place?.(value) ?? value)
        .map((height) => (type === "log" ? Math.log10(height) : height));
      assert.ok(range[0] < range[1] && Number.isFinite(range[1] - range[0]));
      assert.ok(
        heights.every((height) => height >= range[0] && height <= range[1]),
        `${heights} in ${range}`,
      );
      assert.ok(heights.every((height, i) => i === 0 || height >= heights[i - 1]));
      if (heights.length) assert.ok(ticks?.tickvals.length);
    });
  }
}

test("two numbers that differ stand at different heights however near they are", () => {
  const { range, place } = valueScale([seriesOf([1, 1 + 2 ** -52])], { log: false, range: null });
  const part = ((place?.(1 + 2 ** -52) ?? 0) - (place?.(1) ?? 0)) / (range[1] - range[0]);
  assert.ok(part > 0.8);
});

test("only the values in the window count", () => {
  const { range } = valueScale([seriesOf([1000, 1, 2])], { log: false, range: [1, 2] });
  assert.ok(range[1] < 3);
});

test("a chart without a finite value has no ticks", () => {
  assert.equal(valueScale([seriesOf([NaN])], { log: false, range: null }).ticks, null);
  assert.equal(valueScale([seriesOf([-1, 0])], { log: true, range: null }).ticks, null);
});
