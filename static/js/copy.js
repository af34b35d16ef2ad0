/* Copies the text of the element that data-copy names. */

import { toast } from "./toast.js";

export function start(button) {
  button.addEventListener("click", async () => {
    const source = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "copied";
      setTimeout(() => (button.textContent = "copy"), 1500);
    } catch {
      // Pages without https have no clipboard: select it, so that one key is left to press.
      getSelection().selectAllChildren(source);
      toast("Selected: press Ctrl C or ⌘ C to copy.", "done");
    }
  });
}
