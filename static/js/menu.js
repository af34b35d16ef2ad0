/* A menu closes on Escape, on a click elsewhere, and when another one opens; the focus goes into it and back. */

export function start(menu) {
  const summary = menu.querySelector("summary");
  const outside = (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  };
  menu.addEventListener("toggle", () => {
    document[menu.open ? "addEventListener" : "removeEventListener"]("pointerdown", outside);
    if (menu.open) menu.querySelector(".panel :is(input:not([type=hidden]), textarea, a, button)")?.focus();
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    summary.focus();
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
}
