"""Facts in, words out: for a terminal, a log, a machine. Pure; nothing here calls AWS or reads files.

apply_lines   one line of text, or one JSON object, for each fact of an apply
apply_tree    the same facts as a live tree for a terminal
"""
