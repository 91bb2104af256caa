// Without this script, every form is posted and the page is loaded again. With it, a box takes effect
// as soon as it changes, and the list is filtered while the user types.

let latest = 0;
let whole = Promise.resolve();

async function send(form, button) {
  const number = ++latest;
  const body = new URLSearchParams(new FormData(form, button));
  form.setAttribute("aria-busy", "true");
  let page;
  try {
    // By the attribute: form.action is the button of that name.
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body });
    if (!answer.ok || new URL(answer.url).pathname !== location.pathname) throw new Error();
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    if (number === latest) form.requestSubmit(button);
    return;
  }
  await whole;
  if (number === latest) show(page);
}

function show(page) {
  const focused = document.activeElement;
  const open = [...document.querySelectorAll("details[open]")].map((one) => one.id);
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.querySelectorAll("details").forEach((one) => { one.open = open.includes(one.id); });
  const fresh = [...document.querySelectorAll("main input, main button")];
  const same = fresh.find((one) => one.name === focused?.name && one.value === focused.value);
  (same ?? document.querySelector("#save"))?.focus({ preventScroll: true });
}

document.addEventListener("change", (event) => {
  const form = event.target.form;
  const save = form?.querySelector("#save");
  if (save && event.target.name === "permission") send(form, save);
  if (event.target.id === "show") form.requestSubmit();
});

// After a button is pressed, only its own answer is displayed, and none to an earlier change.
document.addEventListener("submit", () => { latest += 1; });

// The page isn't replaced during a press, so that a button isn't removed before it is released.
document.addEventListener("pointerdown", () => {
  whole = new Promise((done) => {
    for (const end of ["pointerup", "pointercancel"]) {
      document.addEventListener(end, () => setTimeout(done), { once: true });
    }
  });
});

document.addEventListener("input", (event) => {
  if (event.target.id !== "search") return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const app of document.querySelectorAll("article[data-client-id]")) {
    app.hidden = !app.textContent.toLowerCase().includes(wanted);
  }
});
