/* Columns that stay at the left while the table is scrolled to the side: the name, and those that somebody pinned. */

export function startPinned() {
  const sideways = (/** @type {Event} */ { target }) => target instanceof HTMLElement && markSideways(target);
  document.addEventListener("scroll", sideways, { capture: true, passive: true });
}

/** @type {CSSStyleSheet | undefined} */
let sheet;
let rules = "";

/** Show what only the script knows: where pinned columns stand. Widths are as the columns say, so nothing is measured. */
export function showPinned() {
  const scroller = document.getElementById("scroller");
  if (scroller) markSideways(scroller);
  const cols = /** @type {NodeListOf<HTMLTableColElement>} */ (document.querySelectorAll("#table col"));
  const widths = Array.from(cols, (col) => Number(col.width));
  const heads = document.querySelectorAll("#table thead th");
  const pinned = Array.from(heads, (head, index) => index < 2 || head.hasAttribute("data-pinned"));
  show(pinnedRules(pinned, widths));
}

/** @param {string} text */
function show(text) {
  // A sheet that is replaced styles the whole page anew, charts and all.
  if (text === rules) return;
  rules = text;
  if (!sheet) {
    sheet = new CSSStyleSheet();
    document.adoptedStyleSheets.push(sheet);
  }
  sheet.replaceSync(text);
}

/**
 * The rules that keep columns at the left; the first two have theirs from the start.
 * @param {boolean[]} pinned whether a column is, from left to right
 * @param {number[]} widths in pixels
 */
export function pinnedRules(pinned, widths) {
  let left = 0;
  const kept = pinned.map((isPinned, index) => {
    const rule = `.scroller[data-sideways] :is(th, td):nth-child(${index + 1}) { position: sticky; left: ${left}px; z-index: 1; background: var(--ground); }
      .scroller[data-sideways] thead th:nth-child(${index + 1}) { z-index: 3; }`;
    if (isPinned) left += widths[index];
    return isPinned && index > 1 ? rule : "";
  });
  const text = kept.filter(Boolean).join("\n");
  return text && `@media (min-width: 640.02px) { ${text} }`;
}

/** @param {HTMLElement} scroller */
function markSideways(scroller) {
  if (scroller.id === "scroller") scroller.toggleAttribute("data-sideways", scroller.scrollLeft > 0);
}
