"""Miko, the user: what a person does on the pages, whatever browser it is done with."""
