"""Declarations of typed settings: bounds and description at each field, classes found by name.

A setting is a field of a frozen dataclass. Its type, default and bounds stand in the annotation,
its description in a string literal directly below it:

    @dataclass(frozen=True, kw_only=True)
    class Momentum:
        momentum: Annotated[float, FROM_0_BELOW_1] = 0.9
        \"\"\"Share of the last step in the next; Sutskever 2013.\"\"\"

Everything else reads these: checks, search spaces, files, documentation.
"""
