import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { measured, titleOf } from "../../static/js/chart/units.js";

const { values, titles } = JSON.parse(readFileSync(new URL("../wire/units.json", import.meta.url), "utf8"));

test("metrics of the machine are written with their unit, others as numbers", () => {
  for (const [name, value, text] of values) assert.equal(measured(value, name), text);
  assert.equal(measured("NaN", "system/cpu_percent"), "NaN");
});

test("metrics of the machine have a title in words", () => {
  for (const [name, title] of titles) assert.equal(titleOf(name), title);
});
