// A platform in Express that signs its own users in for valetkey, without a kit: three calls.
// ISSUER=… SECRET=… PASSWORD=… PORT=… node platform-express.mjs

import express from "express";
import { randomBytes, timingSafeEqual } from "node:crypto";

const { ISSUER, SECRET, PASSWORD, PORT } = process.env;
const users = { miko: { id: "17", password: PASSWORD } }; // A real platform has its own table, with hashes.
const sessions = new Map();
const app = express();
app.use(express.urlencoded({ extended: false }));

// What valetkey needs: the page to which it sends users.

const basic = `Basic ${Buffer.from(`chirp-website:${encodeURIComponent(SECRET)}`).toString("base64")}`;

async function valetkey(path, form) {
  const reply = await fetch(ISSUER + path, {
    method: "POST",
    headers: { authorization: basic },
    body: new URLSearchParams(form),
  });
  return [reply.status, await reply.json()];
}

app.get("/valetkey-login", async (request, response) => {
  const interaction = String(request.query.interaction ?? "");
  const [status, asked] = await valetkey("/interaction", { interaction });
  if (status !== 200) return over(response, asked);
  const returned = "returned" in request.query;
  const user = userOf(request);
  const recent = user && isRecent(asked, user, returned);
  const right = user && (!asked.subject || asked.subject === user.id);
  const chosen = returned || !asked.prompt.includes("select_account");
  let answer;
  if ("cancel" in request.query) {
    answer = ["/interaction/reject", { interaction, error: "access_denied" }];
  } else if (user && recent && right && chosen) {
    const claims = JSON.stringify({ name: user.name });
    const { id: subject, at: auth_time, sid } = user;
    answer = ["/interaction/accept", { interaction, subject, auth_time, amr: "pwd", claims, sid }];
  } else if (asked.silent || (user && returned)) {
    answer = ["/interaction/reject", { interaction, error: "login_required" }];
  } else {
    const next = `/valetkey-login?${new URLSearchParams({ interaction, returned: "1" })}`;
    return response.redirect(303, `/login?${new URLSearchParams({ next })}`);
  }
  const [code, answered] = await valetkey(...answer);
  if (code !== 200) return over(response, answered);
  response.set("cache-control", "no-store").redirect(303, answered.redirect_to);
});

function isRecent(asked, user, returned) {
  const fresh = returned && user.at >= asked.created - 5; // clocks differ
  if (asked.prompt.includes("login") || asked.max_age === 0) return fresh;
  return fresh || asked.max_age === undefined || Date.now() / 1000 - user.at <= asked.max_age;
}

function over(response, document) {
  if (document.restart) return response.redirect(303, document.restart);
  response.status(400).type("text").send("This sign-in is over. Go back to the app and start again.");
}

// The platform's own pages, as they were before.

const form = `<!doctype html><title>Chirp</title><form method="post">
<input id="username" name="username"><input id="password" name="password" type="password">
<button id="sign-in">Sign in</button></form>`;

function sidOf(request) {
  return /(?:^|; )chirp=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
}

function userOf(request) {
  return sessions.get(sidOf(request));
}

app.get("/login", (request, response) => response.send(form));

app.post("/login", (request, response) => {
  const user = users[request.body.username];
  const typed = Buffer.from(request.body.password ?? "");
  const expected = Buffer.from(user?.password ?? "");
  if (!user || typed.length !== expected.length || !timingSafeEqual(typed, expected)) {
    return response.status(400).send(form);
  }
  const cookie = randomBytes(24).toString("base64url");
  const at = Math.floor(Date.now() / 1000);
  sessions.set(cookie, { ...user, name: "Miko", at, sid: randomBytes(16).toString("base64url") });
  response.cookie("chirp", cookie, { httpOnly: true, sameSite: "lax" });
  const next = String(request.query.next ?? "/");
  response.redirect(303, /^\/(?![/\\])/.test(next) ? next : "/");
});

app.post("/logout", async (request, response) => {
  const user = userOf(request);
  sessions.delete(sidOf(request));
  if (user) await valetkey("/sessions/end", { sid: user.sid });
  response.redirect(303, "/");
});

app.get("/", (request, response) => {
  const out = '<form method="post" action="/logout"><button id="sign-out">Sign out</button></form>';
  response.send(`<p id=who>${userOf(request) ? "miko" : "nobody"}</p>${out}`);
});

app.listen(Number(PORT), "127.0.0.1");
