"""The decisions of OAuth 2.1 and OpenID Connect. Pure: no await, no clock, no randomness, no I/O.

Each line of this list may import the lines under it, and no other; `make check` holds it.

- `features`: what can be switched on
- `endpoints`: introspection, revocation, userinfo, discovery, registration, grant management
- `grant_types`: one file for each grant type of the token endpoint
- `shards`: a key in several parts
- `grants`: what a user allowed, with its limits, delegates, approvals and use
- `signals`: what other servers are told; `admin`: what operators declare
- `logout`: sessions, and the two ways to end them
- `authorize`: the authorization endpoint and consent; `issue`: the one place that issues tokens
- `senders`: tokens bound to a key or a certificate
- `clients`: who the client is; `tokens`: codes, refresh tokens, their state
- `core`: context, decision, feature, claims, subjects
"""
