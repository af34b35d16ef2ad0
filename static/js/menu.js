/* A menu closes on Escape, on a click elsewhere, and when another one opens; the focus goes into it and back. */

const FIRST_CONTROL = ".panel :is(input:not([type=hidden]), textarea, a, button)";

/** @param {HTMLDetailsElement} menu */
export function start(menu) {
  /** @param {Event} event */
  const closeOutside = (event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
  };
  menu.addEventListener("toggle", () => {
    if (menu.open) document.addEventListener("pointerdown", closeOutside);
    else document.removeEventListener("pointerdown", closeOutside);
    if (menu.open) /** @type {HTMLElement | null} */ (menu.querySelector(FIRST_CONTROL))?.focus();
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  menu.addEventListener("focusout", (event) => {
    const next = /** @type {Node | null} */ (event.relatedTarget);
    if (next && !menu.contains(next)) menu.open = false;
  });
}
