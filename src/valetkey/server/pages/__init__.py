"""For people: sign-in, consent, connected apps, and what goes wrong."""
