import assert from "node:assert/strict";
import { test } from "node:test";
import { FirstData } from "../../static/js/chart/first.js";

/** @param {number} id @param {string} metric */
function line(id, metric) {
  return /** @type {any} */ ({ run: { id }, metric });
}

/** @type {import("../../static/js/chart/api.js").Window} */
const WHOLE = { axis: "step", range: null, points: 190 };

test("what came with the page is for the lines that its address names, once each", () => {
  const first = new FirstData("/app/charts?runs=1,2&x=step&points=190&name=train/loss&name=a%26b");
  assert.deepEqual(first.request, { runs: [1, 2], metrics: ["train/loss", "a&b"] });
  const loss = line(2, "train/loss");
  assert.ok(first.has(loss, WHOLE) && first.has(line(1, "a&b"), { ...WHOLE, points: 60 }));
  assert.ok(!first.has(line(3, "train/loss"), WHOLE) && !first.has(line(1, "lr"), WHOLE));
  first.taken.add(loss);
  assert.ok(!first.has(loss, WHOLE));
});

test("what came with the page is not for another axis, a zoom, or a closer look", () => {
  const first = new FirstData("/app/charts?runs=1&x=step&points=190&name=loss");
  for (const other of [
    { axis: /** @type {const} */ ("time") },
    { range: /** @type {[number, number]} */ ([0, 1]) },
    { points: 600 },
  ])
    assert.ok(!first.has(line(1, "loss"), { ...WHOLE, ...other }));
});
