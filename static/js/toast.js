/* A short message in the corner; it leaves by itself, and stays while the pointer is on it. */

/**
 * @param {string} text
 * @param {"wrong" | "done"} kind
 */
export function toast(text, kind = "wrong") {
  const element = document.createElement("p");
  element.className = "toast";
  element.dataset.kind = kind;
  element.textContent = text;
  document.getElementById("toasts")?.append(element);
  const leave = () => {
    if (element.matches(":hover")) setTimeout(leave, 1000);
    else element.remove();
  };
  setTimeout(leave, kind === "done" ? 2500 : 8000);
}
