"""The names that Tuneoff's package goes by: ``tuneoff`` where it is installed, ``harness`` in its repository."""

INSTALLED, REPOSITORY = "tuneoff", "harness"
PACKAGE = __name__.partition(".")[0]  # the name that this process has it under
CONTRACT = f"{PACKAGE}.method"  # what method files import from
CONTRACTS = (f"{INSTALLED}.method", f"{REPOSITORY}.method")  # the same, as method files may call it
