"""The workbench of Ray Serve apps: `ecgctl serve`. A rim: it may see everything, and it starts processes.

new          name -> a folder that passes its checks, and its declaration
  skeleton       name -> files, from scaffold/*.tmpl; pure
  declaration    text of generator/serve_apps.py -> the same with one more app; pure
check        app -> stages, each passed or with what, where and next
  offline        declaration, schema, imports, golden cases; no cluster
  served         a Ray of its own, the app as serve.yaml declares it, requests at a few concurrencies
  measurements   what was seen, against the service level and the box; pure
  exposition     Prometheus' text -> batches; pure
attempt      one video through one app
  summary        result -> a few lines; pure
running      what the box says of its apps; their log lines; pure
versions     ledger -> which package each app had, and the way back for one app; pure

objects      a folder of this machine that answers as S3 does, so that apps run unchanged
programs/    what needs Ray, torch or OpenCV: run in .venv-serve by `serve_python`, which reads JSON from them
"""
