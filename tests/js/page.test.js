import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { rgba } from "../../static/js/chart/colours.js";
import { unpack } from "../../static/js/chart/columnar.js";
import { matches } from "../../static/js/chart/search.js";
import {
  moved,
  ownAxis,
  parametersOf,
  rounded,
  viewFrom,
  viewOver,
  zoomedIn,
  zoomedOut,
} from "../../static/js/chart/view.js";
import { taken } from "../../static/js/keep-query.js";
import { nextSince, reconnectDelay } from "../../static/js/live-socket.js";
import { withChanges } from "../../static/js/url-state.js";

const ROOT = resolve(fileURLToPath(import.meta.url), "../../../static/js");

test("no module imports itself in a circle", () => {
  /** @type {Map<string, string[]>} */
  const imports = new Map();
  for (const name of readdirSync(ROOT, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".js")) continue;
    const paths = readFileSync(join(ROOT, name), "utf8").matchAll(/^import (?:[^"]* from )?"(\..*?)";$/gm);
    imports.set(
      name,
      Array.from(paths, ([, path]) => relative(ROOT, resolve(ROOT, dirname(name), path))),
    );
  }
  assert.ok(imports.size > 25);
  // Take away what imports nothing that is left: what remains stands in a circle, or imports one.
  for (let before = 0; before !== imports.size; ) {
    before = imports.size;
    for (const [name, targets] of imports) if (!targets.some((target) => imports.has(target))) imports.delete(name);
  }
  assert.deepEqual([...imports.keys()], []);
});

test("a link to the next page of a kind takes the view along, without what is of this page alone", () => {
  assert.equal(taken("?x=time&min=3&tab=overview&log=1", "?from=q", ["min", "max"]), "x=time&log=1");
  assert.equal(taken("?from=q%3Da", "?tab=system", [""]), "from=q%3Da&tab=system");
});

test("a parameter of the address is set, changed and taken away", () => {
  assert.equal(withChanges("?x=time&q=a+b", null, { x: null, log: "1", min: 0 }), "q=a+b&log=1&min=0");
  assert.equal(withChanges("?x=time", null, { x: "" }), "");
  assert.equal(withChanges("?collapsed=a&collapsed=b&x=time", null, { collapsed: ["c&d"] }), "x=time&collapsed=c%26d");
});

const EMPTY = { axis: null, along: "step", log: false, logX: false, range: null, smoothing: null, yRange: null };

test("a view survives the address", () => {
  /** @param {string} search */
  const view = (search) => viewFrom((name) => new URLSearchParams(search).get(name));
  assert.deepEqual(view(""), EMPTY);
  assert.deepEqual(view("?x=nonsense&min=5&max=5"), EMPTY);
  const search = "x=time&log=1&min=1.5&max=20&smooth=mean%3A20";
  assert.equal(withChanges("", null, parametersOf(view(search))), search);
});

test("a chart has the axis that was chosen, else its own, and a range of no other axis", () => {
  /** @param {string} search */
  const view = (search) => viewFrom((name) => new URLSearchParams(search).get(name));
  /** @param {string} search */
  const shown = (search) => {
    const { axis, range, ownX } = viewOver(view(search), "metric:epoch");
    return { axis, range, ownX };
  };
  assert.deepEqual(shown(""), { axis: "metric:epoch", range: null, ownX: "epoch" });
  assert.deepEqual(shown("x=step&min=1&max=2"), { axis: "step", range: [1, 2], ownX: null });
  assert.deepEqual(shown("min=1&max=2"), { axis: "metric:epoch", range: null, ownX: "epoch" });
  const search = "along=metric%3Aepoch&min=1&max=2";
  assert.deepEqual(shown(search), { axis: "metric:epoch", range: [1, 2], ownX: "epoch" });
  assert.equal(withChanges("", null, parametersOf(view(search))), search);
});

test("metrics in one chart have an axis of their own if it is the same for all", () => {
  const said = new Map(Object.entries({ acc: "epoch", loss: "epoch", lr: "tokens" }));
  assert.equal(ownAxis(["acc", "loss"], said), "metric:epoch");
  assert.equal(ownAxis(["acc", "lr"], said), "step");
  assert.equal(ownAxis(["acc", "constructor"], said), "step");
});

test("a window is rounded inwards, but never to nothing", () => {
  assert.deepEqual(rounded([1.2, 4.8], "step"), [2, 4]);
  assert.deepEqual(rounded([1.2, 1.8], "step"), [1, 2]);
  assert.deepEqual(rounded([1.23456789, 2], "relative"), [1.234568, 2]);
});

test("a window moves, zooms in and zooms out within the run", () => {
  /** @type {import("../../static/js/chart/view.js").Extent} */
  const run = { axis: "step", ends: [0, 100] };
  assert.deepEqual(moved([20, 40], run, 10), [30, 50]);
  assert.deepEqual(moved([20, 40], run, 500), [80, 100]);
  assert.deepEqual(moved([20, 40], run, -500), [0, 20]);
  assert.deepEqual(zoomedIn([0, 100], 60, "step"), [35, 85]);
  assert.deepEqual(zoomedOut([40, 60], run), [30, 70]);
  assert.equal(zoomedOut([0, 60], run), null);
});

test("columns are read in place from the bytes of an answer", () => {
  const head = JSON.stringify({ x: ["f8", 0, 2], n: ["i8", 16, 1] }).padEnd(48);
  const buffer = new ArrayBuffer(16 + 48 + 24);
  new Uint8Array(buffer).set(new TextEncoder().encode("AIMCOLS\x01"));
  new DataView(buffer).setUint32(8, 48, true);
  new Uint8Array(buffer).set(new TextEncoder().encode(head), 16);
  new Float64Array(buffer, 64, 2).set([1.5, NaN]);
  new BigInt64Array(buffer, 80, 1).set([2n ** 53n + 1n]);
  const { head: read, column } = unpack(buffer);
  assert.deepEqual([...column(read.x)], [1.5, NaN]);
  assert.equal(column(read.n)[0], 9_007_199_254_740_993n);
  assert.equal(column(read.x).buffer, buffer);
});

test("bytes that are no columns are refused", () => {
  assert.throws(() => unpack(new ArrayBuffer(4)), /not in columns/);
  assert.throws(() => unpack(new ArrayBuffer(64)), /not in columns/);
});

test("a chart matches all words of its name in any order", () => {
  assert.ok(matches("layer.3/Weight.7", "weight 3/"));
  assert.ok(!matches("layer.3/Weight.7", "weight bias"));
  assert.ok(matches("anything", "  "));
});

test("a colour is multiplied by the given opacity", () => {
  assert.equal(rgba([10, 20, 30, 255], 0.18), "rgba(10, 20, 30, 0.180)");
  assert.equal(rgba([10, 20, 30, 51], 0.5), "rgba(10, 20, 30, 0.100)");
});

test("a connection goes on from the last id that arrived", () => {
  assert.equal(nextSince("7", { type: "metrics", last_id: 9 }), 9);
  assert.equal(nextSince(9, { type: "resync", last_id: 5000 }), 5000);
  assert.equal(nextSince(9, { type: "resync" }), 9);
  assert.equal(nextSince(9, { type: "run", last_id: 3 }), 9);
  assert.equal(nextSince(null, { type: "pong" }), null);
});

test("attempts to connect become rarer, up to a limit, and come at once when the server restarts", () => {
  const delays = [0, 1, 2, 10].map((tries) => reconnectDelay(tries, 1006, 0.5));
  assert.deepEqual(delays, [500, 1000, 2000, 15_000]);
  assert.ok(reconnectDelay(10, 1012, 1) <= 500);
});
