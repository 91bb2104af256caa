"""Pages for people: sign-in, consent, connected apps, and errors."""
