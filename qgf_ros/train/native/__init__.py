"""Compiled parts of training; optional. Sources and the library built from them lie here."""
