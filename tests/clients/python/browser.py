"""Instead of a browser: hands the address to whoever reads the pipe. `browser.py PIPE ADDRESS`"""

import sys
from pathlib import Path

pipe, address = sys.argv[1:]
with Path(pipe).open("w") as out:
    out.write(address + "\n")
