"""The authorization endpoint: checks, interaction, consent."""
