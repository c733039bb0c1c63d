"""One module per command: `add_parser(subparsers)` describes it and names its `run(args) -> exit
code`.
"""
