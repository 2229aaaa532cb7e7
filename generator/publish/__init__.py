"""Content addresses and packages: what a folder becomes when it is published.

    tracked    the files of a folder, as Git sees them
    address    folder -> src-<12 hex>           the API image's tag
    page       frontend/ -> an exported page       its address is that of its source, as the image's is
    site       the page's releases in a bucket: kept side by side, one of them live
    package    folders -> a reproducible zip    Serve apps and the box's agent, named by the SHA-256 of their bytes

Reads the working tree and runs `git ls-files`; writes nothing and reaches no network.
"""
