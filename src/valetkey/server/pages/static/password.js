// Shows a password while the button is pressed in. Without this script, the button stays hidden.
"use strict";

for (const button of document.querySelectorAll("button[data-reveals]")) {
  const field = document.getElementById(button.dataset.reveals);
  const show = (visible) => {
    field.type = visible ? "text" : "password";
    button.setAttribute("aria-pressed", String(visible));
  };
  show(false);
  button.hidden = false;
  button.addEventListener("click", () => {
    show(field.type === "password");
    field.focus();
  });
  // Browsers remember what was typed into text fields.
  field.form.addEventListener("submit", () => show(false));
}
