"""One HTML page that shows how good a model is and why: no script, nothing fetched, every text escaped."""

from kervan.model.page.page import model_page
from kervan.model.page.story import Story

__all__ = ["Story", "model_page"]
