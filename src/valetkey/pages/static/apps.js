// Without this, every form here is posted and the page comes back. With it, a box counts as soon as
// it is changed, and the list is narrowed while one types.

const latest = { number: 0 };

async function send(form, button) {
  const number = ++latest.number;
  const body = new URLSearchParams(new FormData(form, button));
  let page;
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    if (!answer.ok || new URL(answer.url).pathname !== location.pathname) throw new Error();
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    form.requestSubmit(button);
    return;
  }
  if (number === latest.number) show(page, form);
}

function show(page, form) {
  const focused = document.activeElement;
  const name = focused?.id || focused?.value;
  const open = [...document.querySelectorAll("details")].map((one) => one.open);
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.querySelectorAll("details").forEach((one, at) => { one.open = open[at] ?? false; });
  const fresh = [...document.querySelectorAll("main input, main button")];
  const same = fresh.find((one) => name && (one.id === name || one.value === name));
  (same ?? document.querySelector("#save"))?.focus({ preventScroll: true });
}

document.addEventListener("change", (event) => {
  const form = event.target.form;
  const save = form?.querySelector("#save");
  if (save && event.target.name === "permission") send(form, save);
  if (event.target.id === "show") form.requestSubmit();
});

document.addEventListener("input", (event) => {
  if (event.target.id !== "search") return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const app of document.querySelectorAll("article[data-client-id]")) {
    app.hidden = !app.textContent.toLowerCase().includes(wanted);
  }
});
