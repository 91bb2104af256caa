"""The server: what `valetkey serve` runs.

This is the server's only public path. It exports nothing so far: programs run the server with the
`valetkey` command, and talk to it over HTTP. The modules below are internal, and any version may
move or change them.
"""
