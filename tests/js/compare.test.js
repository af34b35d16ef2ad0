/* Ranges on axes, and the colours of figures. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  afterKey,
  describe,
  ordered,
  passes,
  readRanges,
  valueAt,
  writeRanges,
} from "../../static/js/compare/ranges.js";
import { onScale, themed } from "../../static/js/compare/theme.js";

/** @type {import("../../static/js/compare/ranges.js").Axis} */
const RATE = { key: "config.lr", label: "lr", low: 1e-4, high: 1e-2, log: true, categories: null };
/** @type {import("../../static/js/compare/ranges.js").Axis} */
const NAME = { key: "config.opt", label: "opt", low: 0, high: 2, log: false, categories: ["adam", "lion", "sgd"] };

test("a run passes if it is within the range of each axis that has one", () => {
  const axes = [RATE, NAME];
  assert.equal(passes([0.3, 1], axes, new Map()), true);
  assert.equal(passes([0.3, 1], axes, new Map([["config.lr", [0.2, 0.4]]])), true);
  assert.equal(passes([0.3, 1], axes, new Map([["config.lr", [0.31, 0.4]]])), false);
  assert.equal(passes([null, 1], axes, new Map([["config.lr", [0, 1]]])), false);
  assert.equal(passes([null, 1], axes, new Map([["config.opt", [0.9, 1]]])), true);
});

test("ranges come back from the address as they went in, whatever a key is called", () => {
  const ranges = new Map(
    /** @type {[string, [number, number]][]} */ ([
      ["config.lr", [0.25, 1]],
      ["metrics.a:b..c", [0, 0.125]],
    ]),
  );
  assert.deepEqual(writeRanges(ranges), ["config.lr:0.25..1", "metrics.a:b..c:0..0.125"]);
  assert.deepEqual(readRanges(writeRanges(ranges)), ranges);
  assert.equal(readRanges(["nonsense", "k:2", "k:a..b", ""]).size, 0);
});

test("a range lies within its axis and is never empty", () => {
  assert.deepEqual(ordered(0.7, 0.2), [0.2, 0.7]);
  assert.deepEqual(ordered(-1, 2), [0, 1]);
  for (const place of [0, 0.5, 1]) {
    const [from, to] = ordered(place, place);
    assert.ok(from >= 0 && to <= 1 && to - from > 0.009);
  }
});

test("a range is said in the values of its axis", () => {
  assert.equal(describe(RATE, undefined), "all");
  assert.equal(describe(RATE, [0, 0.5]), "1e−4 to 0.001000");
  assert.equal(describe(NAME, [0.4, 1]), "lion, sgd");
  assert.equal(describe(NAME, [0.1, 0.2]), "none");
  assert.ok(Math.abs(valueAt({ ...RATE, log: false, low: -1, high: 3 }, 0.5) - 1) < 1e-12);
});

test("arrows move a range, Shift its upper end, Escape takes it away", () => {
  assert.deepEqual(afterKey(undefined, "ArrowUp", false), [0.5, 1]);
  assert.deepEqual(afterKey(undefined, "ArrowDown", false), [0, 0.5]);
  assert.deepEqual(afterKey([0.5, 1], "ArrowUp", false), [0.5, 1]);
  assert.deepEqual(afterKey([0, 0.5], "PageUp", false), [0.2, 0.7]);
  assert.deepEqual(afterKey([0.2, 0.5], "PageDown", true), [0.2, 0.3]);
  assert.equal(afterKey([0, 0.5], "Escape", false), null);
  assert.equal(afterKey(undefined, "Escape", false), undefined);
  assert.equal(afterKey([0, 0.5], "Tab", false), undefined);
});

test("a figure gets the colours of the page and nothing else changes", () => {
  /** @type {import("../../static/js/compare/theme.js").ColourOf} */
  const colourOf = (property, alpha = 1) => `${property}*${alpha}`;
  const figure = { a: ["var(--ink)", "var(--hue-3/0.5)", "ink", null, 1], b: { c: "var(--ink) and more" } };
  assert.deepEqual(themed(figure, colourOf), {
    a: ["--ink*1", "--hue-3*0.5", "ink", null, 1],
    b: { c: "var(--ink) and more" },
  });
});

test("a place on the scale lies between its stops", () => {
  /** @type {Record<string, string>} */
  const stops = {
    "--scale-low": "rgba(0, 0, 0, 1)",
    "--scale-middle": "rgba(100, 0, 0, 1)",
    "--scale-high": "rgba(100, 200, 0, 1)",
  };
  /** @type {import("../../static/js/compare/theme.js").ColourOf} */
  const colourOf = (property) => stops[property];
  assert.equal(onScale(0, colourOf), "rgb(0, 0, 0)");
  assert.equal(onScale(0.25, colourOf), "rgb(50, 0, 0)");
  assert.equal(onScale(1, colourOf), "rgb(100, 200, 0)");
  assert.equal(onScale(7, colourOf), "rgb(100, 200, 0)");
  assert.equal(themed("var(--scale@0.5)", colourOf), "rgb(100, 0, 0)");
});
