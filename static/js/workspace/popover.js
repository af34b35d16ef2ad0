/* What opens over the page, beside what it is about. */

/**
 * Open a popover under an element, within the window.
 * @param {HTMLElement} popover
 * @param {Element} anchor
 */
export function place(popover, anchor) {
  const { left, bottom } = anchor.getBoundingClientRect();
  popover.showPopover();
  popover.style.left = `${Math.max(8, Math.min(left, innerWidth - popover.offsetWidth - 8))}px`;
  popover.style.top = `${Math.max(8, Math.min(bottom + 4, innerHeight - popover.offsetHeight - 8))}px`;
  const first = /** @type {HTMLElement | null} */ (
    popover.querySelector("input, button:not([hidden]):not([data-if][hidden])")
  );
  first?.focus();
}
