import assert from "node:assert/strict";
import { test } from "node:test";
import { effective, withChanges } from "../../static/js/url-state.js";
import {
  alone,
  choiceFrom,
  drawnIds,
  idsFrom,
  isAlone,
  parametersOf,
  toggled,
} from "../../static/js/workspace/drawn.js";
import { splitAfter } from "../../static/js/workspace/layout.js";
import { between } from "../../static/js/workspace/selection.js";
import { moved, sortedBy, withValue, withWidth } from "../../static/js/workspace/table.js";
import { differs, saved } from "../../static/js/workspace/views.js";

const LIST = [9, 8, 7, 6, 5];

/** @param {import("../../static/js/workspace/drawn.js").Choice} choice */
function search(choice) {
  return Object.entries(parametersOf(choice))
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

test("the first runs of the list are drawn unless the address names others", () => {
  assert.deepEqual(drawnIds(choiceFrom(new URLSearchParams("drawn=2")), LIST), [9, 8]);
  assert.deepEqual(drawnIds(choiceFrom(new URLSearchParams("drawn=2&hide=9")), LIST), [8]);
  assert.deepEqual(drawnIds(choiceFrom(new URLSearchParams("runs=5,7-9&hide=8")), LIST), [5, 7, 9]);
  assert.deepEqual(drawnIds(choiceFrom(new URLSearchParams("drawn=nonsense")), LIST), LIST);
  assert.equal(choiceFrom(new URLSearchParams("drawn=5000")).first, 100);
});

test("an eye that is closed and opened again leaves the address as it was", () => {
  const closed = toggled(choiceFrom(new URLSearchParams("drawn=2")), LIST, 8);
  assert.equal(search(closed), "drawn=2&hide=8");
  assert.equal(search(toggled(closed, LIST, 8)), "drawn=2");
});

test("a run below the first ones is drawn with those that are drawn already", () => {
  const choice = toggled(choiceFrom(new URLSearchParams("drawn=3&hide=8")), LIST, 5);
  assert.equal(search(choice), "drawn=3&runs=9,7,5");
});

test("no more than a hundred runs are drawn", () => {
  const choice = choiceFrom(new URLSearchParams("runs=1-100"));
  assert.equal(toggled(choice, LIST, 200), choice);
  assert.deepEqual(toggled(choice, LIST, 100).hidden, [100]);
});

test("one run is drawn alone", () => {
  const choice = alone(choiceFrom(new URLSearchParams("hide=9")), 7);
  assert.equal(search(choice), "runs=7");
  assert.ok(isAlone(choice, 7));
  assert.ok(!isAlone(choice, 8));
});

test("ids are read with ranges, and what is none is left out", () => {
  assert.deepEqual(idsFrom("3,7-9,x,,-2"), [3, 7, 8, 9, -2]);
  assert.deepEqual(idsFrom("9-7"), []);
});

test("keys move the divider, and not beyond its limits", () => {
  assert.equal(splitAfter("ArrowLeft", 45), 43);
  assert.equal(splitAfter("ArrowDown", 84), 85);
  assert.equal(splitAfter("Home", 45), 15);
  assert.equal(splitAfter("Enter", 60), 45);
  assert.equal(splitAfter("x", 45), null);
});

test("what the address says goes before what its saved view says", () => {
  const view = { id: "3", query: "sort=name&show=a&show=b&log=1" };
  assert.equal(String(effective("?sort=-created&q=x", view)), "sort=-created&q=x&show=a&show=b&log=1");
  assert.equal(String(effective("?log=", view)), "log=&sort=name&show=a&show=b");
  assert.equal(String(effective("?q=x", null)), "q=x");
});

test("a value of the view that is taken away is empty in the address", () => {
  const view = { id: "3", query: "log=1&show=a" };
  assert.equal(withChanges("", view, { log: null, x: "time" }), "view=3&log=&x=time");
  assert.equal(withChanges("?show=b", view, { show: ["c", "d"] }), "view=3&show=c&show=d");
  assert.equal(withChanges("?log=1", null, { log: null }), "");
});

test("a column is moved, and a width and an order are changed", () => {
  assert.deepEqual(moved(["a", "b", "c"], "c", -1), ["a", "c", "b"]);
  assert.deepEqual(moved(["a", "b", "c"], "a", -5), ["a", "b", "c"]);
  assert.deepEqual(moved(["a"], "x", 1), ["a"]);
  assert.deepEqual(withWidth(["config.lr:90", "a:b:70"], "a:b", 80.4), ["config.lr:90", "a:b:80"]);
  assert.deepEqual(withWidth(["config.lr:90"], "config.lr", null), []);
  assert.deepEqual(sortedBy([], "name"), ["name"]);
  assert.deepEqual(sortedBy(["-config.lr"], "name"), ["-config.lr", "name"]);
  assert.deepEqual(sortedBy(["-config.lr", "name"], "name"), ["-config.lr", "-name"]);
  assert.deepEqual(sortedBy(["-config.lr", "name"], "-config.lr"), ["config.lr", "name"]);
  assert.deepEqual(sortedBy(["-created"], "name"), ["name", "-created"]);
});

test("a choice with shift is of all rows between, in whichever direction", () => {
  assert.deepEqual(between([5, 4, 3, 2], 4, 2), [4, 3, 2]);
  assert.deepEqual(between([5, 4, 3, 2], 2, 4), [4, 3, 2]);
  assert.deepEqual(between([5, 4], 9, 4), [4]);
});

test("a view is modified when the page shows something else, whatever the order of its names", () => {
  /** @param {string} text */
  const query = (text) => new URLSearchParams(text);
  assert.ok(!differs(query("view=3&log=1&sort=name"), query("sort=name&log=1")));
  assert.ok(!differs(query("log="), query("")));
  assert.ok(differs(query("show=a&show=b"), query("show=b&show=a")));
  assert.equal(saved(query("view=3&after=x&q=a&log=")), "q=a");
});

test("a column shows another value of its metric and sorts by it, the good ones first", () => {
  const keys = ["metrics.loss", "metrics.acc", "config.lr"];
  const loss = (/** @type {string} */ of) =>
    withValue(keys, "metrics.loss", { of, base: "metrics.loss", better: "min" });
  assert.deepEqual(loss("min"), { show: ["metrics.loss.min", "metrics.acc", "config.lr"], sort: "metrics.loss.min" });
  assert.deepEqual(loss("max").sort, "-metrics.loss.max");
  assert.deepEqual(loss("best").sort, "metrics.loss.min");
  assert.deepEqual(loss("last"), { show: keys, sort: "metrics.loss" });
  assert.deepEqual(loss("mean"), { show: ["metrics.loss.mean", "metrics.acc", "config.lr"] });
  const twice = withValue(["metrics.acc", "metrics.acc.best"], "metrics.acc", {
    of: "best",
    base: "metrics.acc",
    better: "max",
  });
  assert.deepEqual(twice, { show: ["metrics.acc.best"], sort: "-metrics.acc.max" });
});
