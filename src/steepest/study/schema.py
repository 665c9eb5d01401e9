"""The tables of the store and the version of their layout.

Law: what is queried is a column, everything else is canonical or plain JSON in a text column; no
column holds a pickle. The SQL is portable: SQLite by default, PostgreSQL by URL. Times are UTC in
ISO 8601, `seconds` and `flops` are doubles, counts are 64-bit integers.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

VERSION: Final = 3  # 2: `paces`, 3: `looks`; an older store gains them when it is written to
STATUSES: Final = ("planned", "running", "finished", "diverged", "failed", "interrupted")
FINAL: Final = ("finished", "diverged")  # a run in one of these is never repeated
ROLES: Final = ("tuning", "final")
# The columns of an epoch that are measured; anything else goes into `extra`.
COUNTS: Final = ("updates", "examples")
REALS: Final = (
    "flops",
    "seconds",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "lr",
)

tables: Final = MetaData()


def _number() -> Column[int]:
    """Return a fresh 64-bit row number (SQLite counts only its own INTEGER by itself)."""
    kind = BigInteger().with_variant(Integer(), "sqlite")
    return Column("id", kind, primary_key=True, autoincrement=True)


def _link(name: str, target: str, *, primary: bool = False) -> Column[int]:
    """Return a column that points to the row number of another table."""
    return Column(name, BigInteger, ForeignKey(target), primary_key=primary, nullable=False)


versions = Table("schema_version", tables, Column("version", Integer, primary_key=True))

environments = Table(
    "environments",
    tables,
    _number(),
    Column("digest", Text, nullable=False, unique=True),
    Column("facts", Text, nullable=False),  # JSON: versions, CPU, threads, git state
    Column("created", Text, nullable=False),
)

studies = Table(
    "studies",
    tables,
    _number(),
    Column("name", Text, nullable=False),
    Column("revision", Integer, nullable=False),  # 1, 2, ... per name
    Column("turn", Integer, nullable=False),  # rises whenever a revision is taken up again
    Column("question", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created", Text, nullable=False),
    Column("looks", Integer, nullable=False),  # verdicts computed on test scores
    Column("seen", Integer, nullable=False),  # final runs scored at the last look
    UniqueConstraint("name", "digest"),
    UniqueConstraint("name", "revision"),
)

runs = Table(
    "runs",
    tables,
    _number(),
    Column("key", Text, nullable=False, unique=True),
    Column("cell", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("optimizer", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("batch_size", BigInteger, nullable=False),
    Column("lr", Double),
    Column("epochs", BigInteger, nullable=False),  # planned
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("engine", Text, nullable=False),
    Column("environment", BigInteger, ForeignKey("environments.id")),
    Column("params", BigInteger),
    Column("flops", Double),
    Column("updates", BigInteger),
    Column("examples", BigInteger),
    Column("seconds", Double),
    Column("metrics", Text, nullable=False),  # JSON
    Column("created", Text, nullable=False),
    Column("started", Text),
    Column("ended", Text),
    Index("runs_of_optimizer", "optimizer", "id"),
    Index("runs_of_cell", "cell"),
    Index("runs_of_status", "status", "id"),
)

study_runs = Table(
    "study_runs",
    tables,
    _link("study", "studies.id", primary=True),
    Column("role", Text, primary_key=True),
    Column("arm", Text, primary_key=True),
    Column("tuning", Integer, primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("seed", BigInteger, primary_key=True, autoincrement=False),
    _link("run", "runs.id"),
    Index("studies_of_run", "run"),
)

epochs = Table(
    "epochs",
    tables,
    _link("run", "runs.id", primary=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    *(Column(name, BigInteger) for name in COUNTS),
    *(Column(name, Double) for name in REALS),
    Column("nonfinite", Text),  # JSON: which measured columns were nan, inf or -inf
    Column("extra", Text),  # JSON
    sqlite_with_rowid=False,  # the rows of one run lie side by side
)

paces = Table(
    "paces",
    tables,
    _link("study", "studies.id", primary=True),
    Column("shape", Text, primary_key=True),  # digest of what decides the time of an update
    Column("seconds", Double, nullable=False),  # of an update, measured when the study was planned
    Column("created", Text, nullable=False),
)

looks = Table(
    "looks",
    tables,
    _number(),
    _link("study", "studies.id"),
    Column("line", Text, nullable=False),  # digest of the study without its seeds
    Column("pairs", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("level", Double, nullable=False),  # of all intervals of the look at once
    Column("spent", Double, nullable=False),  # error rate of the family, this look included
    Column("time", Text, nullable=False),
    Index("looks_of_line", "line"),
)

evaluations = Table(
    "evaluations",
    tables,
    _link("run", "runs.id", primary=True),
    Column("split", Text, primary_key=True),
    Column("metrics", Text, nullable=False),  # JSON
    Column("created", Text, nullable=False),
)

openings = Table(
    "openings",
    tables,
    _number(),
    _link("study", "studies.id"),
    _link("run", "runs.id"),
    Column("split", Text, nullable=False),
    Column("time", Text, nullable=False),
    Column("command", Text, nullable=False),
    Index("openings_of_study", "study"),
)
