import assert from "node:assert/strict";
import { test } from "node:test";
import { valueScale } from "../../static/js/chart/value-scale.js";
import { boundsOf, yRangeFrom, yRangeText } from "../../static/js/chart/y-range.js";
import { seriesOf } from "./series.js";

test("a range of values survives the address, and nonsense is none", () => {
  for (const text of ["p1-99", "p5-95", "0..2", "-1.5..", "..1e-3"]) {
    assert.deepEqual(yRangeFrom(yRangeText(yRangeFrom(text))), yRangeFrom(text));
    assert.notEqual(yRangeFrom(text), null);
  }
  for (const text of [null, "", "auto", "2..0", "..", "p99-1", "p0-200", "a..b"]) assert.equal(yRangeFrom(text), null);
});

test("percentiles leave single spikes out", () => {
  const values = [...Array.from({ length: 101 }, (_, i) => i), NaN];
  assert.deepEqual(boundsOf({ kind: "percentile", low: 5, high: 95 }, values), [5, 95]);
});

test("what a range leaves out is counted on either side", () => {
  const values = [...Array(98).fill(1), 1000, -1000];
  const view = { log: false, range: null, yRange: yRangeFrom("0..2") };
  const { range, outside } = valueScale([seriesOf(values)], view);
  assert.deepEqual(range, [0, 2]);
  assert.deepEqual(outside, { above: 1, below: 1, exact: true });
});

test("one end by hand leaves the other to the values", () => {
  const { range } = valueScale([seriesOf([1, 5])], { log: false, range: null, yRange: yRangeFrom("0..") });
  assert.deepEqual(range, [0, 5]);
});

test("on a log scale an end that is not above zero is left to the values", () => {
  const { type, range } = valueScale([seriesOf([1, 100])], { log: true, range: null, yRange: yRangeFrom("0..10") });
  assert.equal(type, "log");
  assert.deepEqual(range, [0, 1]);
});
