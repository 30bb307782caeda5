"""The sample book: a region in small, played over HTTP against a real service. No legal effect.

`story` says what happens, as entries; `cast` who does it, with keys derived from one seed that
stays in the data directory; `play` submits it, resumably; `stage` starts the service under it.
"""
