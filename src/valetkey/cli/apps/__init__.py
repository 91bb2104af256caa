"""The parts of `valetkey client`: the options of its fields, and changes of apps."""
