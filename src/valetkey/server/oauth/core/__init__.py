"""What every rule stands on: context, decision, feature, claims, subjects."""
