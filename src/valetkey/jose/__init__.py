"""JSON Object Signing and Encryption behind one strict face."""
