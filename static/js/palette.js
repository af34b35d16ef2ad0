/* The palette (Ctrl K or ⌘K) opens at once, and what is typed meanwhile is kept: its list comes when it is first asked for. */

import { register } from "./shortcuts.js";
import { toast } from "./toast.js";

export async function openPalette() {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("palette"));
  const field = /** @type {HTMLInputElement} */ (dialog.querySelector("input"));
  field.value = "";
  dialog.showModal();
  try {
    const { fill } = await import("./palette-list.js");
    if (dialog.open) fill(dialog);
  } catch {
    dialog.close();
    toast("The palette could not be loaded. Check the connection and try again.");
  }
}

/** @param {HTMLButtonElement} button */
export function start(button) {
  button.addEventListener("click", openPalette);
}

register("mod+k", "Search projects and runs, or choose a command", openPalette);
