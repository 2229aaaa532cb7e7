"""What AWS Solutions and HIPAA Security, two rule packs of cdk-nag, say of an environment: `make rule-packs`.

    one_template   templates_out/<env> -> all stacks as one template, wires and all   pure
    check.mjs      template -> findings                                               CDK and cdk-nag, in Node
    __main__       findings + the list `standing` -> a table                          files, processes, arguments

A pack looks at one template at a time, and ours are cut by who changes them: a bucket stands in one, its policy in
another. Asked about each alone, it would call a bucket open that is closed. So it is asked about all of them together.
"""
