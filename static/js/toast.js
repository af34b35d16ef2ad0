/* A short message in the corner; it goes by itself, and stays while somebody reads it. */

export function toast(text, kind = "wrong") {
  const element = document.createElement("p");
  element.className = "toast";
  element.dataset.kind = kind;
  element.textContent = text;
  document.getElementById("toasts").append(element);
  const leave = () => (element.matches(":hover") ? setTimeout(leave, 1000) : element.remove());
  setTimeout(leave, kind === "done" ? 2500 : 8000);
}
