"""The names of Tuneoff's package: ``tuneoff`` when it is installed, ``harness`` in its repository."""

INSTALLED, REPOSITORY = "tuneoff", "harness"
PACKAGE = __name__.partition(".")[0]  # its name in this process
CONTRACT = f"{PACKAGE}.method"  # what method files import from
CONTRACTS = (f"{INSTALLED}.method", f"{REPOSITORY}.method")  # both names of it that method files may use
METRIC_CONTRACT = f"{PACKAGE}.metric"  # what files of metrics import from
METRIC_CONTRACTS = (f"{INSTALLED}.metric", f"{REPOSITORY}.metric")
TASK_CONTRACT = f"{PACKAGE}.task"  # what a task's file imports from
