"""What every rule builds on: context, decision, feature, claims, subjects."""
