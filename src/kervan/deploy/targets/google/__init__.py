"""Google Cloud: Cloud Run, Vertex AI, App Engine, Cloud Functions."""
