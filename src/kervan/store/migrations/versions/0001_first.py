"""The first tables. A new catalog gets them from `kervan.store.tables` directly."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing to do: there is no older form."""
