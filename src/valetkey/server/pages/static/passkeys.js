// Without this script, the forms for passkeys stay hidden, and everything else works.
"use strict";

const REFRESH = 8 * 60 * 1000; // The server takes an answer for ten minutes.
const TRIED = "passkey tried"; // When the browser was last asked to make one by itself.
const MONTH = 30 * 24 * 60 * 60 * 1000;
const PATIENCE = 4000; // For a passkey that the browser makes by itself, or not at all.

const form = document.querySelector("form[data-passkey]");
let waiting = new AbortController();

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function readable(options) {
  const ids = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
  const read = { ...options, challenge: bytes(options.challenge) };
  if (options.user) read.user = { ...options.user, id: bytes(options.user.id) };
  read.allowCredentials = ids(options.allowCredentials);
  read.excludeCredentials = ids(options.excludeCredentials);
  return read;
}

function written(credential) {
  const { response } = credential;
  const told = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) told[name] = text(response[name]);
  }
  if (response.getTransports) told.transports = response.getTransports();
  const id = text(credential.rawId);
  return JSON.stringify({ id, rawId: id, type: credential.type, response: told });
}

// The form's own address gives what the browser is asked for, and takes its answer.
async function ask() {
  const answer = await fetch(form.getAttribute("action"), { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error("the server does not answer");
  return answer.json();
}

async function answer(how) {
  const kind = form.dataset.passkey === "get" ? "get" : "create";
  const { challenge, options } = await ask();
  const credential = await navigator.credentials[kind]({ publicKey: readable(options), ...how });
  if (!credential) throw new Error("no passkey");
  form.elements.challenge.value = challenge;
  form.elements.response.value = written(credential);
  form.submit();
}

function explain(error) {
  const name = error.name === "InvalidStateError" ? "existing" : "failed";
  for (const one of form.querySelectorAll("[data-problem]")) one.hidden = one.dataset.problem !== name;
}

async function press(event) {
  event.preventDefault();
  waiting.abort();
  explain({});
  for (const one of form.querySelectorAll("[data-problem]")) one.hidden = true;
  try {
    await answer({});
  } catch (error) {
    explain(error);
  }
}

// Passkeys in the list under the user name. The browser waits until the user chooses one.
async function offer() {
  for (;;) {
    waiting = new AbortController();
    const { signal } = waiting;
    const refresh = setTimeout(() => waiting.abort("refresh"), REFRESH);
    try {
      await answer({ mediation: "conditional", signal });
      return;
    } catch {
      if (signal.reason !== "refresh") return;
    } finally {
      clearTimeout(refresh);
    }
  }
}

async function can(name) {
  try {
    return (await PublicKeyCredential.getClientCapabilities())[name] === true;
  } catch {
    return false;
  }
}

// After a password, the browser may make a passkey without a question.
async function upgrade() {
  const { signal } = waiting;
  localStorage.setItem(TRIED, Date.now());
  setTimeout(() => waiting.abort(), PATIENCE);
  try {
    if (!(await can("conditionalCreate"))) throw new Error("not in this browser");
    await answer({ mediation: "conditional", signal });
  } catch {
    form.submit(); // Without an answer, it leads on.
  }
}

// The password manager learns which passkeys are still good, and the user's name.
async function signal() {
  const account = document.querySelector("[data-accepted]");
  if (!account) return;
  const { rpId, userId, username, displayName } = account.dataset;
  const allAcceptedCredentialIds = account.dataset.accepted.split(" ").filter(Boolean);
  try {
    await PublicKeyCredential.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds });
    const user = { rpId, userId, name: username, displayName };
    await PublicKeyCredential.signalCurrentUserDetails?.(user);
  } catch {
    // It is a courtesy: nothing depends on it.
  }
}

async function start() {
  // Other forms say that this browser may be offered a passkey.
  for (const field of document.querySelectorAll("input[data-passkeys]")) {
    const again = Date.now() - (localStorage.getItem(TRIED) ?? 0) > MONTH;
    field.value = again && (await can("conditionalCreate")) ? "conditional" : "possible";
  }
  if (form?.dataset.passkey === "upgrade") upgrade();
  else if (form) {
    form.addEventListener("submit", press);
    form.hidden = false;
    for (const one of document.querySelectorAll("[data-without-script]")) one.hidden = true;
    const field = document.querySelector("input[autocomplete~=webauthn]");
    const conditional = await PublicKeyCredential.isConditionalMediationAvailable?.();
    if (field && conditional) offer();
  }
  signal();
}

if (window.PublicKeyCredential) start();
