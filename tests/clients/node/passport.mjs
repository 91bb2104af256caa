// An express app that signs people in with passport-openidconnect, as its documentation has it.
import express from "express";
import passport from "passport";
import { Strategy } from "passport-openidconnect";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT } = process.env;

passport.use(new Strategy({
  issuer: ISSUER,
  authorizationURL: `${ISSUER}/authorize`,
  tokenURL: `${ISSUER}/token`,
  userInfoURL: `${ISSUER}/userinfo`,
  clientID: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  callbackURL: `http://127.0.0.1:${PORT}/callback`,
  scope: ["profile", "email"],
}, (issuer, profile, done) => done(null, profile)));

const app = express();
const session = {};  // of the one browser that comes
app.use((request, response, next) => { request.session = session; next(); });
app.get("/login", passport.authenticate("openidconnect", { session: false }));
app.get(
  "/callback",
  passport.authenticate("openidconnect", { session: false, failWithError: true }),
  (request, response) => response.json(request.user),
);
app.listen(Number(PORT), "127.0.0.1");
