"""The decisions of OAuth 2.1 and OpenID Connect. Pure: no await, no clock, no randomness, no I/O.

Read the folders as a sentence: `clients` (who asks), `authorize` (may they), `grants` (for what),
`senders` (bound to whom), `issue` (take this), `manage` (and later).
"""
