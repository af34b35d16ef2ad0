import assert from "node:assert/strict";
import { test } from "node:test";
import {
  alike,
  combined,
  gone,
  hidden,
  isPlain,
  layoutFrom,
  metricsOf,
  moved,
  ordered,
  pinned,
  plain,
  sectionOf,
  separated,
  sized,
} from "../../static/js/chart/panels/layout.js";
import { deedOf, placesOf, pointOf } from "../../static/js/chart/panels/places.js";
import { seriesOf } from "./series.js";

const note = {
  id: 1,
  run_id: 7,
  kind: "note",
  metric: "loss",
  step: 2,
  time: null,
  text: "",
  html: "",
  author: "ada",
  created: 0,
  may_edit: false,
};
const frame = /** @type {any} */ ({
  width: 100,
  height: 50,
  across: (/** @type {number} */ x) => 10 * x,
  down: (/** @type {number} */ value) => value,
});

/** @param {number[]} values */
function shownOf(values, fields = {}) {
  const series = seriesOf(values, fields);
  return /** @type {any} */ ({ line: { run: { id: 7 }, metric: "loss" }, series, y: series.last });
}

test("a mark stands where its step is, on every axis", () => {
  assert.deepEqual(pointOf(note, shownOf([4, 5, 6])), { x: 2, value: 6 });
  const timed = shownOf([4, 5, 6], { x_axis: "time" });
  assert.deepEqual(pointOf(note, timed), { x: 1_002_000, value: 6 });
  assert.deepEqual(pointOf({ step: null, time: 1001 }, shownOf([4, 5, 6])), { x: 1, value: 5 });
  assert.deepEqual(pointOf({ step: 2, time: 1001.5 }, timed)?.x, 1_001_500);
  assert.equal(pointOf({ step: null, time: null }, timed), null);
});

test("marks are those of the line's run and metric, or of all its metrics", () => {
  const shown = [shownOf([1, 2, 3])];
  const found = (/** @type {object} */ fields) =>
    placesOf([/** @type {any} */ ({ ...note, ...fields })], shown, frame).length;
  assert.deepEqual([found({}), found({ metric: null }), found({ metric: "acc" }), found({ run_id: 8 })], [1, 1, 0, 0]);
});

test("marks that stand close together share a sign, and one at a value that is not finite stands at the edge", () => {
  const shown = [shownOf([1, 2, 3, NaN, 5, 6])];
  const marks = [0, 1, 5, 3, 9].map((step, id) => /** @type {any} */ ({ ...note, step, id }));
  const places = placesOf(marks, shown, frame);
  assert.deepEqual(
    places.map((place) => [place.marks.map(({ id }) => id), place.across, place.down]),
    [
      [[0, 1], 0, 1],
      [[3], 30, 50],
      [[2], 50, 6],
      [[4], 90, 6],
    ],
  );
});

test("a layout is read back as it was written, and what makes no sense is left out", () => {
  const layout = combined(sized(pinned(hidden(plain(), "a", true), "b", true), "c", 9, 2), "c", "d");
  assert.deepEqual(layoutFrom(JSON.stringify(layout)), layout);
  assert.deepEqual(layout.size, { c: [4, 2] });
  for (const text of [null, "", "no JSON", "7", '{"pinned": 3, "cards": [{"metrics": ["a"]}, 1], "hidden": [4]}']) {
    assert.ok(isPlain(layoutFrom(text)), String(text));
  }
  assert.ok(isPlain(sized(hidden(hidden(plain(), "a", true), "a", false), "c", 1, 1)));
});

test("a card is moved before another one or to the end, and others that come later stand behind", () => {
  const layout = moved(plain(), "val", ["a", "b", "c"], "c", "a");
  assert.deepEqual(layout.order, { val: ["c", "a", "b"] });
  assert.deepEqual(ordered(["a", "aa", "b", "c"], layout.order.val), ["c", "a", "b", "aa"]);
  assert.deepEqual(moved(layout, "val", ["c", "a", "b"], "c", null).order.val, ["a", "b", "c"]);
  assert.deepEqual(moved(plain(), null, ["a", "b"], "b", "a").pinned, ["b", "a"]);
});

test("cards that are combined stand in the place of the first, and come apart again", () => {
  const layout = combined(combined(plain(), "a", "b"), "c", "a");
  assert.deepEqual(metricsOf(layout, "c"), ["c", "a", "b"]);
  assert.deepEqual([...gone(layout)], ["a", "b"]);
  assert.ok(isPlain(separated(layout, "c")));
});

test("metrics of other sections are alike by their last part", () => {
  assert.deepEqual(alike("train/loss", ["train/loss", "val/loss", "val/acc", "loss", "val/xloss"]), ["val/loss"]);
  assert.deepEqual(alike("loss", ["val/loss"]), []);
  assert.deepEqual(["a/b/c", "c", "c/"].map(sectionOf), ["a/b", "", ""]);
});

test("a mark says what was done to the run", () => {
  assert.deepEqual(
    [
      { kind: "resume", text: "" },
      { kind: "rewind", text: "" },
      { kind: "fork", text: "base" },
    ].map((mark) => deedOf(/** @type {any} */ (mark))),
    ["Resumed", "Rewound", "Forked from base"],
  );
});
