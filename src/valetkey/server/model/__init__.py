"""The nouns, frozen, and the words in which a rule asks for them and changes them."""
