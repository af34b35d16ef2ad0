import assert from "node:assert/strict";
import { test } from "node:test";
import { matching, moved } from "../../static/js/palette-list.js";

test("a choice has all words of the text, and one that begins with it comes first", () => {
  const choices = ["Go to settings", "Settings", "Switch the theme"].map((name) => ({ name }));
  const names = (/** @type {string} */ text) => matching(choices, text).map(({ name }) => name);
  assert.deepEqual(names("set"), ["Settings", "Go to settings"]);
  assert.deepEqual(names("THEME switch"), ["Switch the theme"]);
  assert.deepEqual(names("theme settings"), []);
  assert.deepEqual(
    names(" "),
    choices.map(({ name }) => name),
  );
});

test("the arrows go around the ends of the list, and nowhere in an empty one", () => {
  assert.equal(moved(2, "ArrowDown", 3), 0);
  assert.equal(moved(0, "ArrowUp", 3), 2);
  assert.equal(moved(1, "ArrowDown", 3), 2);
  assert.equal(moved(0, "ArrowDown", 0), -1);
});
