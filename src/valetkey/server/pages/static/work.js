// Solves the puzzle of a form: it costs this browser some seconds, and so each attempt of a program that guesses
// passwords. Without this script, people wait or use a browser in which they signed in before.
"use strict";

const form = document.querySelector("form[data-puzzle]");
const { puzzle, bits, parts } = form.dataset;
const button = form.querySelector("button[type=submit]");
const said = document.querySelector("#work-status");
const encoder = new TextEncoder();
const AT_ONCE = 256;

async function solve(part) {
  for (let start = 0; ; start += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, index) => start + index);
    const hashes = await Promise.all(
      numbers.map((number) => crypto.subtle.digest("SHA-256", encoder.encode(`${puzzle}.${part}.${number}`))),
    );
    const found = hashes.findIndex((hash) => new DataView(hash).getUint32(0) >>> (32 - bits) === 0);
    if (found >= 0) return numbers[found];
  }
}

async function work() {
  const found = [];
  for (let part = 0; part < Number(parts); part += 1) {
    found.push(await solve(part));
    said.querySelector("progress").value = part + 1;
  }
  form.elements.work.value = found.join(".");
  button.disabled = false;
  said.hidden = true;
  document.querySelector("#work-done").hidden = false;
}

if (globalThis.crypto?.subtle) {
  said.hidden = false;
  button.disabled = true;
  work();
}
