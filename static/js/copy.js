/* Copies the text of the element that data-copy names. */

import { toast } from "./toast.js";

/** @param {HTMLButtonElement} button */
export function start(button) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const source = document.querySelector(button.dataset.copy ?? "");
    if (!source) return;
    try {
      await navigator.clipboard.writeText(source.textContent ?? "");
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = label;
      }, 1500);
    } catch {
      // Pages without HTTPS have no clipboard: select the text, so that one key is left to press.
      getSelection()?.selectAllChildren(source);
      toast("Selected: press Ctrl+C or ⌘C to copy.", "done");
    }
  });
}
