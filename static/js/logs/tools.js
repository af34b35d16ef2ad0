/* The buttons of the Logs tab, and its keys. */

import { dateTime } from "../local-time.js";
import { register } from "../shortcuts.js";
import { toast } from "../toast.js";

const GROUP = "Console output";

/** @param {import("./index.js").LogWindow} log */
export function startTools(log) {
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (log.section.querySelector(selector));
  const wrap = find("[data-log-wrap]");
  const times = find("[data-log-times]");
  const setWrap = () => {
    const isOn = flip(log, wrap, "wrap");
    log.remember({ wrap: isOn ? "" : "0" });
  };
  wrap.addEventListener("click", setWrap);
  times.addEventListener("click", () => {
    log.rows.showTimes();
    log.remember({ times: flip(log, times, "times") ? "1" : "" });
  });
  if (log.section.dataset.times !== undefined) log.rows.showTimes();
  find("[data-log-copy]").addEventListener("click", () => copy(log));
  for (const select of /** @type {NodeListOf<HTMLSelectElement>} */ (
    log.section.querySelectorAll("[data-log-filter]")
  )) {
    // Another list of lines: the page is loaded with it.
    select.addEventListener("change", () => {
      const query = new URLSearchParams(location.search);
      if (select.value) query.set(select.name, select.value);
      else query.delete(select.name);
      location.search = query.toString();
    });
  }
  log.scroller.addEventListener("pointerover", ({ target }) => {
    const time = /** @type {HTMLElement} */ (target).closest("time");
    if (time && !time.title) time.title = dateTime(Date.parse(time.dateTime));
  });
  const options = { group: GROUP, when: "#logs" };
  register("w", "Break long lines, or not", setWrap, options);
  register("Home", "Go to the first line", () => log.goToBeginning(), options);
  register("End", "Go to the end and follow", () => log.follow(), options);
}

/**
 * Flip one of the section's ways to show lines, at the line that is on top.
 * @param {import("./index.js").LogWindow} log
 * @param {HTMLElement} button
 * @param {"wrap" | "times"} name
 */
function flip(log, button, name) {
  const isOn = log.section.dataset[name] === undefined;
  log.keepingPlace(() => {
    if (isOn) log.section.dataset[name] = "";
    else delete log.section.dataset[name];
  });
  if (log.following) log.goToEnd();
  button.setAttribute("aria-pressed", String(isOn));
  return isOn;
}

/** @param {import("./index.js").LogWindow} log */
async function copy(log) {
  const selection = getSelection();
  const isOwn = selection && !selection.isCollapsed && log.scroller.contains(selection.anchorNode);
  const rows = [...log.scroller.querySelectorAll(".log-line")].filter((row) =>
    isOwn ? selection.containsNode(row, true) : isSeen(row, log.scroller),
  );
  const text = rows.map((row) => row.querySelector(".log-text")?.textContent ?? "").join("\n");
  try {
    await navigator.clipboard.writeText(isOwn && rows.length === 1 ? String(selection) : text);
    toast(rows.length === 1 ? "1 line copied" : `${rows.length} lines copied`, "done");
  } catch {
    toast("This page may not use the clipboard: select lines and press Ctrl+C or ⌘C.");
  }
}

/**
 * @param {Element} row
 * @param {HTMLElement} scroller
 */
function isSeen(row, scroller) {
  const [own, all] = [row.getBoundingClientRect(), scroller.getBoundingClientRect()];
  return own.bottom > all.top && own.top < all.bottom;
}
