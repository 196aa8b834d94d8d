"""The compiled library of engine `cpu`: C++ sources, and how Python finds and calls what was built from them."""
